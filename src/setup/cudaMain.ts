import { CytoError } from "../core/index.js";
import { cacheDirectory } from "./cache.js";
import { cudaRelease, onnxruntimeDirectory, setupCuda } from "./cuda.js";

// `npm run setup:cuda [-- --libraries]`

const help = `Gives onnxruntime its CUDA provider: detection and training on NVIDIA GPUs. Linux on x86-64, a driver for CUDA 13 (580 or later).

  npm run setup:cuda                   fetches 247 MB, keeps 260 MB; CUDA 13 and cuDNN 9 must be there
  npm run setup:cuda -- --libraries    fetches these, too: 1.6 GB in all, keeps 2.3 GB; says what LD_LIBRARY_PATH must be

All is taken from Python wheels by pip and checked by SHA-256. Downloads are kept outside node_modules, in CYTOSTREAM_CACHE_DIR
(default: ~/.cache/cytostream): after each \`npm ci\` the same command takes a second. \`cytostream doctor\` says whether it works.
`;

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

const main = async (argv: readonly string[]): Promise<void> => {
  const unknown = argv.find((argument) => argument !== "--libraries" && argument !== "--help");
  if (unknown !== undefined) throw new CytoError("USAGE", `Unknown argument ${unknown}`);
  if (argv.includes("--help")) return say(help);
  const libraries = await setupCuda({
    release: cudaRelease,
    libraryDirectory: await onnxruntimeDirectory(cudaRelease),
    withLibraries: argv.includes("--libraries"),
    cache: cacheDirectory(process.env),
    environment: process.env,
    note: say,
  });
  if (libraries !== undefined) say(`\nBefore cytostream is started:\n  export LD_LIBRARY_PATH=${libraries}`);
};

try {
  await main(process.argv.slice(2));
} catch (error) {
  const known = CytoError.from(error);
  process.stderr.write(`${known.code}: ${known.message}\n${known.remedy}\n`);
  process.exitCode = known.exitCode;
}
