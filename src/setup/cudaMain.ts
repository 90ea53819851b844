import { cacheDirectory } from "./cache.js";
import { cudaRelease, onnxruntimeDirectory, setupCuda } from "./cuda.js";
import { runSetup } from "./runSetup.js";

// `npm run setup:cuda [-- --libraries]`

const help = `Gives onnxruntime its CUDA provider: detection and training on NVIDIA GPUs. Linux on x86-64, a driver for CUDA 13 (580 or later).

  npm run setup:cuda                   fetches 247 MB, keeps 260 MB; CUDA 13 and cuDNN 9 must be there
  npm run setup:cuda -- --libraries    fetches these, too: 1.6 GB in all, keeps 2.3 GB; says what LD_LIBRARY_PATH must be

All is taken from Python wheels by pip and checked by SHA-256. Downloads are kept outside node_modules, in CYTOSTREAM_CACHE_DIR
(default: ~/.cache/cytostream): after each \`npm ci\` the same command takes a second. \`cytostream doctor\` says whether it works.
`;

await runSetup({
  help,
  option: "--libraries",
  run: async (withLibraries, note) => {
    const libraries = await setupCuda({
      release: cudaRelease,
      libraryDirectory: await onnxruntimeDirectory(cudaRelease),
      withLibraries,
      cache: cacheDirectory(process.env),
      environment: process.env,
      note,
    });
    if (libraries !== undefined) note(`\nBefore cytostream is started:\n  export LD_LIBRARY_PATH=${libraries}`);
  },
});
