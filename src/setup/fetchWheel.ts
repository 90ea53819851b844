import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { access, mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { CytoError } from "../core/index.js";
import { requireSpace } from "./cache.js";
import { findPython, runTool } from "./tools.js";
import type { Wheel } from "./wheels.js";

const downloadTimeoutMs = 30 * 60_000;
const unpackTimeoutMs = 10 * 60_000;

/** Longer than fetching one wheel can take. */
const staleMs = 60 * 60_000;
const workPrefix = ".new-";

/** Written last: a folder with it is whole. */
const completeMark = "complete";

export const sha256Of = async (path: string): Promise<string> => {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
};

/** Takes out of a wheel, which is a zip file, the members below the given paths. */
const unpackScript = `
import sys, zipfile
wheel, target, wanted = sys.argv[1], sys.argv[2], tuple(sys.argv[3:])
with zipfile.ZipFile(wheel) as archive:
    members = [name for name in archive.namelist() if name.startswith(wanted)]
    archive.extractall(target, members)
`;

/** The platform that the wheels were built for; that of the Python that fetches them does not matter. */
const platformOptions = [
  ...["--python-version", "3.11", "--implementation", "cp", "--abi", "cp311"],
  ...["manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014", "manylinux2010", "manylinux1"].flatMap(
    (tag) => ["--platform", `${tag}_x86_64`],
  ),
];

export interface WheelRequest {
  readonly wheel: Wheel;
  /** Members whose paths begin so are taken. */
  readonly members: readonly string[];
  readonly python: string;
  /** The folder of the cache. */
  readonly cache: string;
  readonly note: (text: string) => void;
}

/** The folder in which a wheel's members lie or will lie: by hash, so that it never has to be looked into. */
export const wheelDirectory = (cache: string, { name, version, sha256 }: Wheel): string =>
  join(cache, "wheels", `${name}-${version}-${sha256.slice(0, 16)}`);

export const isFetched = (cache: string, wheel: Wheel): Promise<boolean> =>
  access(join(wheelDirectory(cache, wheel), completeMark)).then(
    () => true,
    () => false,
  );

/**
 * Downloads a wheel by pip, checks its hash and takes out of it what is needed; the wheel itself is not kept. Does
 * nothing where the cache has it. The folder appears whole or not at all.
 *
 * @returns the folder with the members
 * @throws CytoError SETUP_FAILED
 */
export const fetchWheel = async ({ wheel, members, python, cache, note }: WheelRequest): Promise<string> => {
  const directory = wheelDirectory(cache, wheel);
  if (await isFetched(cache, wheel)) return directory;
  await mkdir(join(cache, "wheels"), { recursive: true });
  await removeStale(join(cache, "wheels"));
  const work = await mkdtemp(join(cache, "wheels", workPrefix));
  try {
    note(`fetching ${wheel.name} ${wheel.version}`);
    const file = await download(python, wheel, work);
    const unpacked = join(work, "unpacked");
    await mkdir(unpacked);
    await runTool(python, ["-c", unpackScript, file, unpacked, ...members], unpackTimeoutMs);
    await writeFile(join(unpacked, completeMark), `${wheel.sha256}\n`);
    await rm(directory, { recursive: true, force: true });
    await rename(unpacked, directory).catch(async (error: unknown) => {
      // Another set-up was faster.
      if (!(await isFetched(cache, wheel))) throw CytoError.from(error, "SETUP_FAILED");
    });
    return directory;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
};

/** Takes away what set-ups left that were killed. */
const removeStale = async (folder: string): Promise<void> => {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(workPrefix)) continue;
    const path = join(folder, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
    if (Date.now() - mtimeMs > staleMs) await rm(path, { recursive: true, force: true });
  }
};

const download = async (python: string, wheel: Wheel, folder: string): Promise<string> => {
  const options = ["--quiet", "--disable-pip-version-check", "--no-cache-dir", "--no-deps", "--only-binary=:all:"];
  const wanted = `${wheel.name}==${wheel.version}`;
  const args = ["-m", "pip", "download", ...options, ...platformOptions, "--dest", folder, wanted];
  await runTool(python, args, downloadTimeoutMs);
  const file = (await readdir(folder)).find((name) => name.endsWith(".whl"));
  if (file === undefined) throw new CytoError("SETUP_FAILED", `pip left no wheel of ${wanted}`);
  const path = join(folder, file);
  const found = await sha256Of(path);
  if (found !== wheel.sha256) {
    throw new CytoError("SETUP_FAILED", `${file} has the SHA-256 ${found}, not ${wheel.sha256}`, {
      remedy: "Do not use it: the package index gave another file than the one that was tried.",
    });
  }
  return path;
};

export interface WheelsRequest {
  readonly wheels: readonly Wheel[];
  readonly cache: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly note: (text: string) => void;
}

/** What a wheel takes while it is being unpacked, against what is kept of it. */
const spaceFactor = 1.5;

/**
 * Prepares the cache for wheels of which some may be there: says how much is to come, and that there is room for it.
 * @returns fetches one of them
 * @throws CytoError SETUP_FAILED
 */
export const prepareWheels = async ({
  wheels,
  cache,
  environment,
  note,
}: WheelsRequest): Promise<(wheel: Wheel, members: readonly string[]) => Promise<string>> => {
  await mkdir(cache, { recursive: true });
  const missing: Wheel[] = [];
  for (const wheel of wheels) if (!(await isFetched(cache, wheel))) missing.push(wheel);
  if (missing.length > 0) {
    const keptMb = missing.reduce((sum, { unpackedMb }) => sum + unpackedMb, 0);
    note(`${missing.length} wheels to fetch; ${cache} will keep ${keptMb} MB of them`);
    await requireSpace(cache, Math.ceil(keptMb * spaceFactor));
  }
  const python = missing.length > 0 ? await findPython(environment) : "";
  return (wheel, members) => fetchWheel({ wheel, members, python, cache, note });
};
