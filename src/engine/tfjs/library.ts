import { createRequire } from "node:module";
import type * as tfjs from "@tensorflow/tfjs-core";
import { CytoError } from "../../core/index.js";
import { requireTensorFlow, tensorFlowPackage } from "./binding.js";

export type TensorFlow = typeof tfjs;

/** `native`: the TensorFlow library, on a GPU where it finds one. `javascript`: for tests on tiny shapes, 1,000 times slower. */
export type TensorFlowBackend = "native" | "javascript";

/** At run time only: one of the packages is optional, the other for development. */
const load = createRequire(import.meta.url);

/**
 * Loads TensorFlow.js into this thread. The native library reads its environment when it is first loaded in a process:
 * TF_NUM_INTRAOP_THREADS must be set in the main thread before.
 *
 * @throws CytoError TENSORFLOW_UNAVAILABLE
 */
export const loadTensorFlow = async (backend: TensorFlowBackend): Promise<TensorFlow> => {
  const tf = backend === "native" ? loadNative() : loadJavaScript();
  await tf.setBackend(backendNames[backend]);
  await tf.ready();
  return tf;
};

/** Whether the native library computes. */
export const isNative = (tf: TensorFlow): boolean => tf.getBackend() === backendNames.native;

const backendNames = { native: "tensorflow", javascript: "cpu" } as const;

const loadNative = (): TensorFlow => {
  requireTensorFlow();
  restoreUtil();
  try {
    return load(tensorFlowPackage) as TensorFlow;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CytoError("TENSORFLOW_UNAVAILABLE", `TensorFlow does not load: ${why}`, { cause: error });
  }
};

const loadJavaScript = (): TensorFlow => {
  try {
    const tf = load("@tensorflow/tfjs") as TensorFlow;
    // It would print an advertisement for its native backend on the first use.
    tf.env().set("IS_TEST", true);
    return tf;
  } catch (error) {
    throw new CytoError("TENSORFLOW_UNAVAILABLE", "The package @tensorflow/tfjs is not installed", { cause: error });
  }
};

/** Node 23 and later lack two functions that tfjs-node 4.22 calls. */
const restoreUtil = (): void => {
  const util = load("node:util") as Record<string, unknown>;
  util.isArray ??= Array.isArray;
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
};
