import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { CytoError } from "../core/index.js";
import { bindingFile, findTensorFlow, recordFile, type TensorFlowRecord } from "../engine/index.js";
import { prepareWheels } from "./fetchWheel.js";
import { findCompiler, findNodeHeaders, runTool } from "./tools.js";
import { type TensorFlowRelease, wheelsOf } from "./wheels.js";

export interface TensorFlowSetup {
  readonly release: TensorFlowRelease;
  /** The npm package @tensorflow/tfjs-node-gpu. */
  readonly packageDirectory: string;
  /** Keeps what is downloaded, so that the next `npm ci` costs a compilation only. */
  readonly cache: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly note: (text: string) => void;
}

const compileTimeoutMs = 15 * 60_000;
const libraryMembers = [
  "tensorflow/libtensorflow_cc.so",
  "tensorflow/libtensorflow_framework.so",
  ...["tensorflow/c/", "tensorflow/core/platform/", "tensorflow/tsl/", "tsl/", "xla/tsl/"].map(
    (path) => `tensorflow/include/${path}`,
  ),
];

/** What the binding is linked with, as tfjs-node names it, and what it is in the wheel. */
const libraries = {
  "libtensorflow.so": "libtensorflow_cc.so.2",
  "libtensorflow_framework.so": "libtensorflow_framework.so.2",
} as const;

const recordOf = (release: TensorFlowRelease): TensorFlowRecord => ({
  version: release.version,
  cuda: release.cuda,
  wheels: Object.fromEntries(wheelsOf(release).map(({ name, sha256 }) => [name, sha256])),
});

/**
 * Gives the npm package tfjs-node-gpu the TensorFlow library that its own installer would fetch from elsewhere: from the
 * wheels of the Python package index, by hash, and compiles the binding. Does nothing where it is done already.
 *
 * @returns whether there was anything to do
 * @throws CytoError SETUP_FAILED
 */
export const setupTensorFlow = async (setup: TensorFlowSetup): Promise<boolean> => {
  const { release, packageDirectory, note } = setup;
  if (await isSetUp(setup)) {
    note(`TensorFlow ${release.version} is set up already`);
    return false;
  }
  const compiler = await findCompiler(setup.environment);
  const headers = findNodeHeaders();
  const { library, nvidia } = await fetchWheels(setup);
  note(`linking into ${packageDirectory}`);
  await link(packageDirectory, library, nvidia);
  note("compiling the binding");
  await compile({ packageDirectory, compiler, headers });
  await writeFile(join(packageDirectory, recordFile), `${JSON.stringify(recordOf(release), undefined, 2)}\n`);
  await tryOut(packageDirectory);
  note(`TensorFlow ${release.version}${release.cuda ? " for NVIDIA GPUs" : ""} is set up`);
  return true;
};

const isSetUp = async ({ release, packageDirectory }: TensorFlowSetup): Promise<boolean> => {
  const found = findTensorFlow({ resolve: () => join(packageDirectory, "package.json") } as unknown as NodeJS.Require);
  return (
    found.state === "ready" &&
    JSON.stringify(found.record) === JSON.stringify(recordOf(release)) &&
    (await tryOut(packageDirectory).then(
      () => true,
      () => false,
    ))
  );
};

const fetchWheels = async ({ release, cache, environment, note }: TensorFlowSetup) => {
  const fetch = await prepareWheels({ wheels: wheelsOf(release), cache, environment, note });
  const library = join(await fetch(release.library, libraryMembers), "tensorflow");
  const nvidia: string[] = [];
  for (const wheel of release.nvidia) nvidia.push(join(await fetch(wheel, ["nvidia/"]), "nvidia"));
  return { library, nvidia };
};

/** `deps/` as the package's own installer leaves it, of links. The library looks for CUDA in `../nvidia` from where it lies. */
const link = async (packageDirectory: string, library: string, nvidia: readonly string[]): Promise<void> => {
  const deps = join(packageDirectory, "deps");
  // First: what is half done must not look as if it were whole.
  await rm(join(packageDirectory, bindingFile), { force: true });
  await rm(deps, { recursive: true, force: true });
  await mkdir(join(deps, "lib"), { recursive: true });
  await symlink(join(library, "include"), join(deps, "include"));
  for (const [alias, file] of Object.entries(libraries)) {
    await symlink(join(library, file), join(deps, "lib", file));
    await symlink(file, join(deps, "lib", alias));
  }
  if (nvidia.length > 0) await mkdir(join(deps, "nvidia"));
  for (const folder of nvidia) {
    const parts = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory());
    for (const { name } of parts) await symlink(join(folder, name), join(deps, "nvidia", name));
  }
};

/** Of the binding while it is being written. */
const newSuffix = ".new";

interface Compilation {
  readonly packageDirectory: string;
  readonly compiler: string;
  /** Folder of node_api.h. */
  readonly headers: string;
}

/** The arguments with which the compiler makes the binding, after the package's binding.gyp. */
export const compilerArguments = ({ packageDirectory, headers }: Omit<Compilation, "compiler">): readonly string[] => {
  const within = (...parts: string[]) => join(packageDirectory, ...parts);
  return [
    ...["-std=c++17", "-O2", "-shared", "-fPIC", "-w", "-DNAPI_VERSION=8"],
    ...["-I", headers, "-I", within("deps", "include"), "-I", within("binding")],
    ...["tfjs_backend.cc", "tfjs_binding.cc"].map((file) => within("binding", file)),
    ...["-L", within("deps", "lib"), "-ltensorflow", "-ltensorflow_framework"],
    ...["-Wl,-rpath,$ORIGIN/../../deps/lib", "-o", within(bindingFile + newSuffix)],
  ];
};

const compile = async ({ packageDirectory, compiler, headers }: Compilation): Promise<void> => {
  await mkdir(dirname(join(packageDirectory, bindingFile)), { recursive: true });
  await runTool(compiler, compilerArguments({ packageDirectory, headers }), compileTimeoutMs);
  await rename(join(packageDirectory, bindingFile + newSuffix), join(packageDirectory, bindingFile));
};

/** Loads the binding in a process of its own. @throws CytoError SETUP_FAILED where it does not load */
const tryOut = async (packageDirectory: string): Promise<void> => {
  const script = `require(${JSON.stringify(join(packageDirectory, bindingFile))})`;
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "ignore", "pipe"], timeout: 60_000 });
  let said = "";
  child.stderr.on("data", (part: Buffer) => {
    said += part.toString();
  });
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new CytoError("SETUP_FAILED", `The binding does not load: ${said.trim().slice(-400)}`);
};
