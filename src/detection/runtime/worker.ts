import { constants, setPriority } from "node:os";
import { platform } from "node:process";
import type { Transferable } from "node:worker_threads";
import { parentPort, workerData } from "node:worker_threads";
import { CytoError } from "../../core/index.js";
import type { DetectorModels } from "../model.js";
import { toPlainError } from "./errors.js";
import { FieldSearcher, type Networks } from "./fieldSearcher.js";
import type { SearchCall, WorkerCall, WorkerData, WorkerReply, WorkerResult } from "./messages.js";
import { type NetworkOptions, openNetwork } from "./network.js";
import { testOnGoldenFields } from "./selfTest.js";

/** Entry of a detection worker: owns the ONNX sessions, whose runs block this thread. */
interface Slot {
  readonly models: DetectorModels;
  readonly networks: Networks;
}

const port = parentPort;
if (!port) throw new CytoError("INTERNAL", "the detection worker was not started as a worker");

/**
 * Steps back for the thread that takes frames in and gives results out: its turns are short, and each that waits for a core
 * keeps this thread idle as well. On Linux niceness is a thread's own and goes over to the threads that it starts, here
 * onnxruntime's; elsewhere it would be the whole process's.
 */
const stepBack = (): void => {
  if (platform !== "linux") return;
  try {
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // Not allowed here: all threads have equal turns.
  }
};
stepBack();

const stop = new Int32Array((workerData as WorkerData).stop);
const searcher = new FieldSearcher(() => Atomics.load(stop, 0) !== 0);
let active: Slot | undefined;
let staged: Slot | undefined;

const release = async (slot: Slot | undefined): Promise<void> => {
  await slot?.networks.detector.release();
  await slot?.networks.classifier?.release();
};

const open = async (models: DetectorModels, options: NetworkOptions): Promise<Slot> => {
  const detector = await openNetwork(models.detector, options);
  if (!models.classifier) return { models, networks: { detector } };
  try {
    return { models, networks: { detector, classifier: await openNetwork(models.classifier, options) } };
  } catch (error) {
    await detector.release();
    throw error;
  }
};

const search = async (call: SearchCall): Promise<WorkerResult> => {
  if (!active) throw new CytoError("INTERNAL", "a field came before the models");
  const { models, networks } = active;
  const picture = { width: call.width, height: call.height, pixels: call.pixels };
  const { scale, density, searchScale } = call;
  const result = await searcher.search(networks, { picture, scale, density, searchScale });
  return { ...result, models, ...(call.returnPixels ? { pixels: call.pixels } : {}) };
};

const answer = async (call: WorkerCall): Promise<WorkerReply> => {
  const { id } = call;
  switch (call.type) {
    case "open": {
      await release(staged);
      staged = undefined;
      staged = await open(call.models, call);
      if (call.golden) await testOnGoldenFields(searcher, staged.networks, call.golden);
      return { id, type: "done" };
    }
    case "try":
      await (await openNetwork(call.model, call)).release();
      return { id, type: "done" };
    case "exchange": {
      if (!staged) throw new CytoError("INTERNAL", "no models are ready to be exchanged");
      const retired = active;
      active = staged;
      staged = undefined;
      await release(retired);
      return { id, type: "done" };
    }
    case "discard":
      await release(staged);
      staged = undefined;
      return { id, type: "done" };
    case "search":
      return { id, type: "found", result: await search(call.call) };
    case "close":
      await release(staged);
      await release(active);
      return { id, type: "done" };
  }
};

const transferablesOf = (reply: WorkerReply): Transferable[] => {
  if (reply.type !== "found") return [];
  const { pixels, density } = reply.result;
  return [...(pixels ? [pixels.buffer] : []), ...(density ? [density.planes.buffer] : [])];
};

// One call after the other: a field must not meet an exchange half way.
let previous = Promise.resolve();
port.on("message", (call: WorkerCall) => {
  previous = previous.then(async () => {
    const reply = await answer(call).catch(
      (error: unknown): WorkerReply => ({
        id: call.id,
        type: "failed",
        error: toPlainError(error, "DETECTION_FAILED"),
      }),
    );
    port.postMessage(reply, transferablesOf(reply));
    if (call.type === "close") port.close();
  });
});
