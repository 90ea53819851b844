import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { CytoError } from "../../core/index.js";

/** What `npm run setup:tensorflow` writes beside the libraries that it links. */
export interface TensorFlowRecord {
  /** Version of the TensorFlow library. */
  readonly version: string;
  /** Whether it is the library for NVIDIA GPUs. */
  readonly cuda: boolean;
  /** SHA-256 of the wheels that it was taken from, by file name. */
  readonly wheels: Readonly<Record<string, string>>;
}

/** Where the native TensorFlow stands. */
export type TensorFlowBinding =
  | { readonly state: "noPackage" }
  | { readonly state: "notBuilt"; readonly packageDirectory: string }
  /** The binding's links lead nowhere: the cache that held the library is gone. */
  | { readonly state: "libraryGone"; readonly packageDirectory: string }
  /** `record` is absent where another installer built it. */
  | { readonly state: "ready"; readonly packageDirectory: string; readonly record: TensorFlowRecord | undefined };

export const tensorFlowPackage = "@tensorflow/tfjs-node-gpu";

/** Paths inside the package, of which its own loader expects the first and the second. */
export const bindingFile = join("lib", "napi-v8", "tfjs_binding.node");
export const libraryFile = join("deps", "lib", "libtensorflow.so");
export const recordFile = join("deps", "cytostream.json");

const setupRemedy = "Run `npm run setup:tensorflow` (see docs/engine.md), or train with --engine onnxruntime.";

const readRecord = (path: string): TensorFlowRecord | undefined => {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as TensorFlowRecord;
  } catch {
    return undefined;
  }
};

/** Looks for the native binding without loading it, which takes a second and a gigabyte. */
export const findTensorFlow = (require = createRequire(import.meta.url)): TensorFlowBinding => {
  let packageDirectory: string;
  try {
    packageDirectory = dirname(require.resolve(`${tensorFlowPackage}/package.json`));
  } catch {
    return { state: "noPackage" };
  }
  if (!existsSync(join(packageDirectory, bindingFile))) return { state: "notBuilt", packageDirectory };
  const record = readRecord(join(packageDirectory, recordFile));
  if (record && !existsSync(join(packageDirectory, libraryFile))) return { state: "libraryGone", packageDirectory };
  return { state: "ready", packageDirectory, record };
};

/** @throws CytoError TENSORFLOW_UNAVAILABLE where the native binding is not there */
export const requireTensorFlow = (binding: TensorFlowBinding = findTensorFlow()): void => {
  if (binding.state === "ready") return;
  const messages = {
    noPackage: `The package ${tensorFlowPackage} is not installed`,
    notBuilt: `The native binding of ${tensorFlowPackage} is not built`,
    libraryGone: "The TensorFlow library that the binding was built for is gone",
  } as const;
  const remedy = binding.state === "noPackage" ? `Run \`npm ci\` without --omit=optional. ${setupRemedy}` : setupRemedy;
  throw new CytoError("TENSORFLOW_UNAVAILABLE", messages[binding.state], { remedy });
};
