import { parentPort } from "node:worker_threads";
import { CytoError } from "../../core/index.js";
import type { ParameterState, StepRequest, StepResult } from "../contract.js";
import type { StepCall, StepReply } from "./messages.js";

type Now<Result> = Result | Promise<Result>;

/** A training that is held by the thread that asks for it. */
export interface HeldTraining {
  step(request: StepRequest): Now<StepResult>;
  read(): Now<Readonly<Record<string, ParameterState>>>;
  write(states: Readonly<Record<string, ParameterState>>): Now<void>;
  close(): Now<void>;
}

/** Answers the calls that a worker thread is sent by a WorkerRun, in order. @throws CytoError INTERNAL elsewhere */
export const serveSteps = (open: () => Promise<HeldTraining>): void => {
  const port = parentPort;
  if (!port) throw new CytoError("INTERNAL", "Steps are served by a worker thread only");
  const session = open();
  // A failure to open is answered to the first call; without this it would end the thread before that call is read.
  session.catch(() => undefined);
  let queue: Promise<void> = Promise.resolve();
  port.on("message", (call: StepCall) => {
    queue = queue.then(async () => {
      port.postMessage(await replyTo(call, session));
      if (call.kind === "close") port.close();
    });
  });
};

const replyTo = async (call: StepCall, session: Promise<HeldTraining>): Promise<StepReply> => {
  try {
    return { id: call.id, result: await answer(call, await session) };
  } catch (error) {
    const { code, message, context, remedy } = CytoError.from(error);
    return { id: call.id, error: { code, message, context, remedy } };
  }
};

const answer = (call: StepCall, opened: HeldTraining): unknown => {
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
