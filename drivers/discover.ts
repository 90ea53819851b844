import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { nearestKey } from "../src/config/index.js";
import { CytoError } from "../src/core/index.js";
import type { CameraDriver, DriverManifest, StageDriver } from "./contract.js";

/** Folders of drivers. */
export type DriverKind = "cameras" | "stages";

export interface DriverFailure {
  /** Name of the folder. */
  readonly name: string;
  readonly error: CytoError;
}

export interface DriverListing {
  /** By name. */
  readonly drivers: readonly DriverManifest[];
  /** Folders whose manifest could not be loaded; the others are not affected. */
  readonly failures: readonly DriverFailure[];
}

export interface DiscoverOptions {
  /** Folder that holds `cameras/` and `stages/`; this file's own unless given. */
  readonly directory?: string;
}

const ownDirectory = (): string => fileURLToPath(new URL(".", import.meta.url));

const folderOf = (kind: DriverKind, { directory }: DiscoverOptions): string => join(directory ?? ownDirectory(), kind);

/** A folder is a driver's when it has a manifest: compiled, or as source where the program runs from source. */
function moduleOf(folder: string, name: string): string | undefined {
  return [".js", ".ts"].map((ending) => join(folder, `${name}${ending}`)).find((path) => existsSync(path));
}

async function driverNames(folder: string): Promise<readonly string[]> {
  if (!existsSync(folder)) return [];
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && moduleOf(join(folder, entry.name), "manifest") !== undefined)
    .map((entry) => entry.name)
    .sort();
}

const invalid = (name: string, why: string, cause?: unknown): CytoError =>
  new CytoError("DRIVER_INVALID", `The driver ${name} ${why}.`, { cause, context: { driver: name } });

async function load(path: string | undefined, name: string, exported: "manifest" | "driver"): Promise<object> {
  if (path === undefined) throw invalid(name, `has no ${exported}.js`);
  let module: Record<string, unknown>;
  try {
    module = (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  } catch (error) {
    throw invalid(name, `cannot be loaded (${error instanceof Error ? error.message : String(error)})`, error);
  }
  const value = module[exported];
  if (typeof value !== "object" || value === null) throw invalid(name, `exports no \`${exported}\``);
  return value;
}

function checkManifest(value: object, name: string): DriverManifest {
  const manifest = value as Partial<Record<keyof DriverManifest, unknown>>;
  if (manifest.name !== name)
    throw invalid(name, `calls itself ${String(manifest.name)}; folder and name must be equal`);
  for (const key of ["title", "description", "sourceSyntax"] as const) {
    if (typeof manifest[key] !== "string") throw invalid(name, `has no ${key} in its manifest`);
  }
  if (typeof manifest.simulated !== "boolean") throw invalid(name, "does not say whether it is simulated");
  const { options } = manifest;
  const isSchema = typeof options === "object" && options !== null && "safeParse" in options;
  if (!isSchema) throw invalid(name, "has no schema of its options in its manifest");
  return value as DriverManifest;
}

const loadManifest = async (folder: string, name: string): Promise<DriverManifest> =>
  checkManifest(await load(moduleOf(join(folder, name), "manifest"), name, "manifest"), name);

/** The drivers of a kind, by their manifests alone: no driver, and nothing that it needs, is loaded. Never throws. */
export async function listDrivers(kind: DriverKind, options: DiscoverOptions = {}): Promise<DriverListing> {
  const folder = folderOf(kind, options);
  const drivers: DriverManifest[] = [];
  const failures: DriverFailure[] = [];
  for (const name of await driverNames(folder)) {
    try {
      drivers.push(await loadManifest(folder, name));
    } catch (error) {
      failures.push({ name, error: CytoError.from(error, "DRIVER_INVALID") });
    }
  }
  return { drivers, failures };
}

/** A driver of a kind, whole: its manifest checked, its `open` there. */
async function loadDriver(kind: DriverKind, name: string, options: DiscoverOptions): Promise<object> {
  const folder = folderOf(kind, options);
  const known = await driverNames(folder);
  if (!known.includes(name)) throw notFound(kind, name, known);
  const manifest = await loadManifest(folder, name);
  const driver = (await load(moduleOf(join(folder, name), "driver"), name, "driver")) as Partial<CameraDriver>;
  if (typeof driver.open !== "function") throw invalid(name, "has no open()");
  if (driver.manifest?.name !== manifest.name) throw invalid(name, "does not carry its manifest");
  return driver;
}

/**
 * Loads a camera's driver.
 * @throws CytoError CAMERA_NOT_FOUND where no folder has that name, DRIVER_INVALID where what is in it is no driver
 */
export const loadCamera = async (name: string, options: DiscoverOptions = {}): Promise<CameraDriver> =>
  (await loadDriver("cameras", name, options)) as CameraDriver;

/**
 * Loads a stage's driver.
 * @throws CytoError STAGE_NOT_FOUND where no folder has that name, DRIVER_INVALID where what is in it is no driver
 */
export const loadStage = async (name: string, options: DiscoverOptions = {}): Promise<StageDriver> =>
  (await loadDriver("stages", name, options)) as StageDriver;

function notFound(kind: DriverKind, name: string, known: readonly string[]): CytoError {
  const nearest = nearestKey(name, known);
  const hint = nearest === undefined ? "There is none at all." : `Did you mean ${nearest}?`;
  const [code, noun] =
    kind === "cameras" ? (["CAMERA_NOT_FOUND", "camera"] as const) : (["STAGE_NOT_FOUND", "stage"] as const);
  return new CytoError(code, `There is no ${noun} driver ${JSON.stringify(name)}. ${hint}`, {
    context: { name, known, nearest },
    remedy: known.length === 0 ? "Install cytostream again." : `Choose one of: ${known.join(", ")}.`,
  });
}
