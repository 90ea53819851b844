import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { CytoError } from "../core/index.js";
import { readManifest } from "./load.js";
import type { ModelManifest } from "./manifest.js";
import { compareVersions, isVersion } from "./version.js";

/** A model folder under a models folder. */
export interface ListedModel {
  readonly name: string;
  readonly version: string;
  /** Absolute path. */
  readonly directory: string;
  /** Whether it is the one taken where no version is asked for: the newest sound one of its name. */
  readonly isDefault: boolean;
  /** Absent where the manifest is not sound. */
  readonly manifest?: ModelManifest;
  /** Why it cannot be used. */
  readonly fault?: CytoError;
}

const foldersIn = async (directory: string): Promise<string[]> => {
  const entries = await readdir(directory, { withFileTypes: true });
  return entries
    .filter((entry) => (entry.isDirectory() || entry.isSymbolicLink()) && !entry.name.startsWith("."))
    .map((entry) => entry.name)
    .sort();
};

type Candidate = Omit<ListedModel, "isDefault">;

const inspect = async (name: string, version: string, directory: string): Promise<Candidate> => {
  try {
    const manifest = await readManifest(directory);
    if (manifest.name !== name || manifest.version !== version)
      throw new CytoError(
        "MODEL_INVALID",
        `${directory}: the manifest says ${manifest.name} ${manifest.version}, the folders say ${name} ${version}`,
      );
    return { name, version, directory, manifest };
  } catch (error) {
    return { name, version, directory, fault: CytoError.from(error, "MODEL_INVALID") };
  }
};

const versionsOf = async (modelsDir: string, name: string): Promise<ListedModel[]> => {
  const folders = await foldersIn(join(modelsDir, name)).catch((): string[] => []);
  const versions = folders.filter(isVersion).sort((a, b) => compareVersions(b, a) || (a < b ? 1 : -1));
  const candidates = await Promise.all(
    versions.map((version) => inspect(name, version, join(modelsDir, name, version))),
  );
  const newest = candidates.find((candidate) => candidate.manifest && !candidate.version.includes("-"));
  const chosen = newest ?? candidates.find((candidate) => candidate.manifest);
  return candidates.map((candidate) => ({ ...candidate, isDefault: candidate === chosen }));
};

/**
 * All models under `<modelsDir>/<name>/<version>/`, by name, newest version first (semver; pre-releases are the default
 * only where there is no release). Unsound ones are listed with their fault. Files are not hashed: see `verifyModel`.
 * @throws CytoError MODEL_NOT_FOUND where the folder itself is not there
 */
export const listModels = async (modelsDir: string): Promise<ListedModel[]> => {
  const absolute = resolve(modelsDir);
  let names: string[];
  try {
    names = await foldersIn(absolute);
  } catch (error) {
    throw new CytoError("MODEL_NOT_FOUND", `no folder of models at ${absolute}`, { cause: error });
  }
  return (await Promise.all(names.map((name) => versionsOf(absolute, name)))).flat();
};

/**
 * The folder of a model: the version asked for, or the default one.
 * @throws CytoError MODEL_NOT_FOUND naming what is there
 */
export const findModel = async (modelsDir: string, name: string, version?: string): Promise<string> => {
  const models = await listModels(modelsDir);
  const found = models.find((model) => model.name === name && (version ? model.version === version : model.isDefault));
  if (found) return found.directory;
  const known = models.map((model) => `${model.name} ${model.version}${model.fault ? " (unsound)" : ""}`).join(", ");
  throw new CytoError("MODEL_NOT_FOUND", `no sound model ${name}${version ? ` ${version}` : ""} in ${modelsDir}`, {
    context: { name, version, modelsDir },
    remedy: known ? `There are: ${known}.` : "The folder has no models: train one with `cytostream train`.",
  });
};

/**
 * The folder that a user names: a path to a model folder, `name`, or `name@version`.
 * @throws CytoError MODEL_NOT_FOUND naming what is there
 */
export const resolveModel = async (modelsDir: string, spec: string): Promise<string> => {
  if (/[\\/]/.test(spec) || spec === "." || spec === "..") return resolve(spec);
  const [name = "", version] = spec.split("@");
  return findModel(modelsDir, name, version);
};
