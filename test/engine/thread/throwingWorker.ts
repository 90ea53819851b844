import { parentPort } from "node:worker_threads";

/** Answers the first call as a training's thread does, and throws outside of any call's handling on the second. */
parentPort?.on("message", (call: { readonly id: number; readonly kind: string }) => {
  if (call.kind === "open") parentPort?.postMessage({ id: call.id });
  else throw new RangeError("out of memory");
});
