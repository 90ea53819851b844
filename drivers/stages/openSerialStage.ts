import { setTimeout as delay } from "node:timers/promises";
import { CytoError } from "../../src/core/index.js";
import type { Stage, StageOpenRequest } from "../contract.js";
import { Link, type LinkOptions } from "./link.js";
import { type Controller, PolledStage, type PolledStageOptions } from "./polledStage.js";

/**
 * Asked where nothing answered: the choice of Ludl's high-level commands, an empty message of Zaber's protocol and a query of the
 * Tango's. Each of the known controllers says something to one of them, and moves nothing.
 */
const anyoneThere = "\xffA\r\n/\r\n?version\r\n";

async function whatElse(link: Link, title: string, cause: CytoError): Promise<CytoError> {
  if (cause.code !== "STAGE_SILENT" && cause.code !== "STAGE_REFUSED") return cause;
  const refused = cause.code === "STAGE_REFUSED" ? String(cause.context?.reply) : undefined;
  let heard = refused ?? link.stray;
  if (heard === "" && !link.heardAnything) {
    await link.tellNow(anyoneThere).catch(() => undefined);
    for (let waitedMs = 0; waitedMs < 300 && !link.heardAnything; waitedMs += 20) await delay(20);
    if (!link.heardAnything) return cause;
    // What it says may come in pieces.
    await delay(30);
    heard = link.stray;
  }
  return new CytoError(
    "STAGE_WRONG_DEVICE",
    `What answers at ${link.source} is not a ${title}: it says ${JSON.stringify(heard)}.`,
    { cause, context: { source: link.source, heard } },
  );
}

/** Ends a move that a program before this one began, and that nobody waits for. */
async function comeToAStand(controller: Controller): Promise<void> {
  for (let polls = 0; await controller.moving(); polls++) {
    if (polls % 10 === 0) await controller.halt();
    await delay(20);
  }
}

/**
 * Opens the port, lets `identify` find out that the controller is there, and makes a stage of it. Nothing is set in motion, and what moves
 * comes to a stand.
 * @throws CytoError STAGE_WRONG_DEVICE where something else answers, STAGE_SILENT where nothing does, and those of `Link.open`
 */
export async function openSerialStage<Options extends PolledStageOptions>(
  request: StageOpenRequest<Options>,
  how: {
    readonly title: string;
    readonly port: Omit<LinkOptions, "source" | "signal">;
    /** Sends what identifies the controller only. */
    readonly identify: (link: Link) => Promise<void>;
    /** Sets it up and tells what it can. */
    readonly setUp: (link: Link) => Promise<Controller>;
  },
): Promise<Stage> {
  const { source, signal } = request;
  const link = await Link.open({ ...how.port, source, signal });
  const close = (): void => void link[Symbol.asyncDispose]();
  signal.addEventListener("abort", close, { once: true });
  try {
    try {
      await how.identify(link);
    } catch (error) {
      throw error instanceof CytoError ? await whatElse(link, how.title, error) : error;
    }
    const controller = await how.setUp(link);
    await comeToAStand(controller);
    return new PolledStage(controller, link, request);
  } catch (error) {
    await link[Symbol.asyncDispose]();
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", close);
  }
}
