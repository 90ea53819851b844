import { parentPort } from "node:worker_threads";

/** Answers the first call as a training's thread does, and ends as if it had crashed on the second. */
parentPort?.on("message", (call: { readonly id: number; readonly kind: string }) => {
  if (call.kind === "open") parentPort?.postMessage({ id: call.id });
  else process.exit(9);
});
