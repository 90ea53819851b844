import { parentPort, workerData } from "node:worker_threads";
import { CytoError } from "../../core/index.js";
import type { StepCall, StepReply, StepWorkerData } from "./messages.js";
import { StepSession } from "./stepSession.js";

/** Entry of the worker thread that holds a training's sessions. Calls are answered in order. */
const port = parentPort;
if (!port) throw new CytoError("INTERNAL", "stepWorker runs as a worker thread only");

const data = workerData as StepWorkerData;
const session = StepSession.open(data.problems, data.options).then((opened) => {
  opened.write(data.initial);
  return opened;
});
// A failure to open is answered to the first call; without this it would end the thread before that call is read.
session.catch(() => undefined);

const answer = async (call: StepCall): Promise<unknown> => {
  const opened = await session;
  switch (call.kind) {
    case "step":
      return opened.step(call.request);
    case "read":
      return opened.read();
    case "write":
      return opened.write(call.states);
    case "close":
      return opened.close();
    default:
      return undefined;
  }
};

let queue: Promise<void> = Promise.resolve();
port.on("message", (call: StepCall) => {
  queue = queue.then(async () => {
    let reply: StepReply;
    try {
      reply = { id: call.id, result: await answer(call) };
    } catch (error) {
      const known = CytoError.from(error);
      reply = { id: call.id, error: { code: known.code, message: known.message, context: known.context } };
    }
    port.postMessage(reply);
    if (call.kind === "close") port.close();
  });
});
