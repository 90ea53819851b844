import { newId, post } from "../api.js";
import type { Monitor } from "../useMonitor.js";

/** How long the stream may take to answer a stop before it is asked for by HTTP too; a stop may come twice. */
const patienceMs = 1000;

/**
 * Halts the stage over the open stream: a browser makes few HTTP requests to one daemon at a time, and a stop must not wait
 * behind those. By HTTP where the stream does not bring it about.
 * @throws ApiError where neither does
 */
export const stopStage = async (ask: Monitor["ask"], by: string): Promise<void> => {
  const stage = { action: "stop", by } as const;
  const answer = await ask({ type: "microscope", id: newId(), stage }, patienceMs);
  if (answer?.type !== "microscopeState") await post("v1/microscope/stage", stage);
};
