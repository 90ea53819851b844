import { workerData } from "node:worker_threads";
import { serveSteps } from "../thread/serveSteps.js";
import { StepSession, type StepWorkerData } from "./stepSession.js";

/** Entry of the worker thread that holds a training's sessions. */
const { problems, options, initial } = workerData as StepWorkerData;
serveSteps(async () => {
  const session = await StepSession.open(problems, options);
  session.write(initial);
  return session;
});
