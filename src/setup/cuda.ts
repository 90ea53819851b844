import { copyFile, mkdir, readdir, readFile, rename, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { CytoError } from "../core/index.js";
import { prepareWheels, sha256Of } from "./fetchWheel.js";
import type { Wheel } from "./wheels.js";

/** onnxruntime's CUDA provider, and the libraries of NVIDIA that it is linked with. */
export interface CudaRelease {
  /** Of onnxruntime-node, whose library it belongs to. */
  readonly version: string;
  readonly provider: Wheel;
  /** CUDA 13 and cuDNN 9, for machines that have them nowhere else. */
  readonly libraries: readonly Wheel[];
}

const wheel = (name: string, version: string, unpackedMb: number, sha256: string): Wheel => ({
  name,
  version,
  sha256,
  unpackedMb,
});

/** Seen to train and to detect on an H100 with the driver 580. */
export const cudaRelease: CudaRelease = {
  version: "1.30.0",
  provider: wheel("onnxruntime-gpu", "1.30.0", 260, "4fbf0c5d7b5fb99266c2e8a802e3e64af68bdc383e0f3c7349b985f1087eedaa"),
  libraries: [
    wheel("nvidia-cublas", "13.10.0.20", 582, "dcc6d63884c53d07e267ce7e6feac17b2538cebaafec5db865736c3e28e4dc84"),
    wheel("nvidia-cuda-nvrtc", "13.5.37", 141, "86b4d68058807988b7d9af5b44917a0601e9c337f35ccd657bfb3c759ff8d8bc"),
    wheel("nvidia-cuda-runtime", "13.5.37", 7, "df2b79a8852f10d1fef8c848489c49eebb5754051bf870202a862831412b179d"),
    wheel("nvidia-cudnn-cu13", "9.28.1.4", 897, "a54f205b1db1f2895d99f398754db1369816f0569dd459731f925635cf7b65ec"),
    wheel("nvidia-cufft", "12.5.0.14", 228, "b8be26837a5abad2b5b74f3e92dd29f622a42934b355be0961a48712cbba23ad"),
    wheel("nvidia-curand", "10.4.5.25", 102, "22bb226a857e5888fe6b54ae465fc4371296bcff13a35f79e19691bcf454f529"),
    wheel("nvidia-nvjitlink", "13.5.37", 111, "280d7cb9649704145f074b8dbde500de04ce02d0872e066e20a83c17bcaa93eb"),
  ],
};

const providerFiles = ["libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so"] as const;

export interface CudaSetup {
  readonly release: CudaRelease;
  /** Folder of the npm package's own library, `libonnxruntime.so.1`. */
  readonly libraryDirectory: string;
  /** Whether NVIDIA's libraries are to be fetched, too. */
  readonly withLibraries: boolean;
  readonly cache: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly note: (text: string) => void;
}

/**
 * Where onnxruntime-node keeps its library.
 * @throws CytoError SETUP_FAILED where the package is of another version than the provider, or the machine is none for it
 */
export const onnxruntimeDirectory = async (
  release: CudaRelease,
  { platform, arch }: { readonly platform: string; readonly arch: string } = process,
): Promise<string> => {
  if (platform !== "linux" || arch !== "x64")
    throw new CytoError("SETUP_FAILED", `onnxruntime's CUDA provider is not to be had for ${platform} on ${arch}`, {
      remedy: "Set it up on Linux on x86-64. Windows has the provider dml.",
    });
  const entry = createRequire(import.meta.url).resolve("onnxruntime-node");
  const root = entry.slice(0, entry.lastIndexOf("onnxruntime-node") + "onnxruntime-node".length);
  const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };
  if (version !== release.version)
    throw new CytoError("SETUP_FAILED", `onnxruntime-node is ${version}, the CUDA provider ${release.version}`, {
      remedy: "Both must be of one version: run `npm ci`.",
    });
  const [api] = (await readdir(join(root, "bin"))).filter((name) => name.startsWith("napi-"));
  return join(root, "bin", api ?? "", "linux", "x64");
};

/** A file of another name first, so that no process ever loads half of one. */
const place = async (from: string, to: string): Promise<void> => {
  await copyFile(from, `${to}.new`);
  await rename(`${to}.new`, to);
};

const isPlaced = async (from: string, to: string): Promise<boolean> => {
  const [wanted, found] = await Promise.all([sha256Of(from), sha256Of(to).catch(() => undefined)]);
  return wanted === found;
};

/** One folder of links to the libraries of all wheels. */
const gather = async (wheels: readonly string[], folder: string): Promise<void> => {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const root of wheels) {
    const files = await readdir(root, { recursive: true });
    for (const file of files.filter((name) => /\.so(\.\d+)*$/.test(name)))
      await symlink(join(root, file), join(folder, file.slice(dirname(file).length + 1)));
  }
};

/**
 * Gives onnxruntime-node its CUDA provider, out of the Python wheel of the same version, by hash; and on request the
 * libraries of NVIDIA that this one needs. Copies nothing that is there already.
 *
 * @returns the folder that LD_LIBRARY_PATH must name, where libraries were asked for
 * @throws CytoError SETUP_FAILED
 */
export const setupCuda = async (setup: CudaSetup): Promise<string | undefined> => {
  const { release, libraryDirectory, cache, environment, note } = setup;
  const wheels = [release.provider, ...(setup.withLibraries ? release.libraries : [])];
  const fetch = await prepareWheels({ wheels, cache, environment, note });
  const folder = "onnxruntime/capi/";
  const provider = await fetch(
    release.provider,
    providerFiles.map((file) => `${folder}${file}`),
  );
  for (const file of providerFiles) {
    const [from, to] = [join(provider, folder, file), join(libraryDirectory, file)];
    if (await isPlaced(from, to)) note(`${file} is in its place`);
    else {
      await place(from, to);
      note(`${file} put into ${libraryDirectory}`);
    }
  }
  if (!setup.withLibraries) return undefined;
  const roots: string[] = [];
  for (const one of release.libraries) roots.push(join(await fetch(one, ["nvidia/"]), "nvidia"));
  const libraries = join(cache, "cuda13");
  await gather(roots, libraries);
  return libraries;
};
