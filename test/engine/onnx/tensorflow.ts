import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type * as tfjs from "@tensorflow/tfjs-core";
import { buildSync } from "esbuild";
import { projectRoot } from "../../../src/core/index.js";

export type TensorFlow = typeof tfjs;

/**
 * TensorFlow.js in pure JavaScript with its gradients. They are a module of tfjs-core that only a bundler can load (no file
 * endings in its imports), so one is made in a temporary folder.
 */
export const loadTensorFlow = async (): Promise<TensorFlow> => {
  const folder = mkdtempSync(join(tmpdir(), "cytostream-tfjs-"));
  try {
    const outfile = join(folder, "tfjs.cjs");
    buildSync({
      stdin: {
        contents: [
          'import "@tensorflow/tfjs-core/dist/register_all_gradients";',
          'import "@tensorflow/tfjs-backend-cpu";',
          'export * from "@tensorflow/tfjs-core";',
        ].join("\n"),
        resolveDir: projectRoot(),
      },
      bundle: true,
      format: "cjs",
      platform: "node",
      mainFields: ["module", "main"],
      outfile,
      logLevel: "error",
    });
    const tf = createRequire(import.meta.url)(outfile) as TensorFlow;
    // It would print an advertisement for its native backend on the first use.
    tf.env().set("IS_TEST", true);
    await tf.setBackend("cpu");
    return tf;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
