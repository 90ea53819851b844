import type { CameraFrame } from "../../drivers/contract.js";
import { CytoError } from "../core/index.js";

const isSide = (value: number): boolean => Number.isInteger(value) && value > 0;

/** Why a driver's frame cannot be used, or undefined where it can. A refused frame is a value, not an exception. */
export function checkFrame({ width, height, pixels, capturedAtMs, source }: CameraFrame): CytoError | undefined {
  const context = { width, height, bytes: pixels?.length, source };
  const refuse = (why: string): CytoError => new CytoError("FRAME_INVALID", `A frame ${why}.`, { context });
  if (!isSide(width) || !isSide(height)) return refuse(`has no size (${width} x ${height})`);
  if (!(pixels instanceof Uint8Array)) return refuse("has no pixels");
  if (pixels.length !== width * height * 3) return refuse(`of ${width} x ${height} has ${pixels.length} bytes`);
  if (!Number.isFinite(capturedAtMs)) return refuse("has no time");
  return undefined;
}
