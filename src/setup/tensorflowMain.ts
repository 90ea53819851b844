import { CytoError } from "../core/index.js";
import { findTensorFlow } from "../engine/index.js";
import { cacheDirectory } from "./cache.js";
import { runSetup } from "./runSetup.js";
import { setupTensorFlow } from "./tensorflow.js";
import { releaseFor } from "./wheels.js";

// `npm run setup:tensorflow [-- --cuda]`

const help = `Gives the training engine \`tfjs\` its native TensorFlow library.

  npm run setup:tensorflow             for processors: fetches 207 MB, keeps 630 MB, half a minute
  npm run setup:tensorflow -- --cuda   for NVIDIA GPUs with a driver for CUDA 12: fetches 3 GB, keeps 4 GB, minutes

The library is taken from TensorFlow's Python wheel by pip and checked by its SHA-256; the binding is compiled by g++. What
is downloaded is kept outside node_modules, in CYTOSTREAM_CACHE_DIR (default: ~/.cache/cytostream), so that after each
\`npm ci\` only the binding has to be compiled again: seconds. PYTHON and CXX name another Python and compiler.
`;

await runSetup({
  help,
  option: "--cuda",
  run: async (cuda, note) => {
    const binding = findTensorFlow();
    if (binding.state === "noPackage") {
      throw new CytoError("SETUP_FAILED", "The package @tensorflow/tfjs-node-gpu is not installed", {
        remedy: "Run `npm ci` without --omit=optional.",
      });
    }
    const began = performance.now();
    const changed = await setupTensorFlow({
      release: releaseFor(cuda),
      packageDirectory: binding.packageDirectory,
      cache: cacheDirectory(process.env),
      environment: process.env,
      note,
    });
    if (changed) note(`in ${((performance.now() - began) / 1000).toFixed(0)} s`);
  },
});
