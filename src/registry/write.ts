import { createHash, randomBytes } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { CytoError } from "../core/index.js";
import { syncDirectory } from "../store/index.js";
import {
  type ClassifierManifest,
  type DetectorManifest,
  type FeaturesManifest,
  type ModelManifest,
  type PainterManifest,
  parseManifest,
} from "./manifest.js";

/** A manifest as its author knows it: the names and hashes of the files are filled in when it is written. */
export type ManifestDraft =
  | Omit<DetectorManifest, "file" | "sha256" | "variants">
  | Omit<ClassifierManifest, "file" | "sha256" | "variants">
  | Omit<PainterManifest, "file" | "sha256" | "variants" | "masks">
  | Omit<FeaturesManifest, "file" | "sha256" | "variants">;

export interface ModelFiles {
  /** The network as trained. */
  readonly onnxBytes: Uint8Array;
  /** The same network statically quantised. */
  readonly int8Bytes?: Uint8Array;
  /** What a painter draws masks from; JSON. */
  readonly masksJson?: string;
  /** Markdown of card.md. */
  readonly card: string;
  /** Further files, by their path in the folder: lineage.json, golden fields. */
  readonly beside?: ReadonlyMap<string, Uint8Array | string>;
}

const sha256Of = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

const writeDurably = async (path: string, data: Uint8Array | string): Promise<void> => {
  const file = await open(path, "wx");
  try {
    await file.writeFile(data);
    await file.sync();
  } finally {
    await file.close();
  }
};

const writeBeside = async (folder: string, files: ReadonlyMap<string, Uint8Array | string>): Promise<void> => {
  const folders = new Set([...files.keys()].map((name) => dirname(join(folder, name))));
  for (const path of folders) await mkdir(path, { recursive: true });
  for (const [name, data] of files) await writeDurably(join(folder, name), data);
  for (const path of folders) await syncDirectory(path);
};

/** Puts `staged` in the place of `directory`; what was there before comes back if the exchange fails. */
const exchange = async (staged: string, directory: string): Promise<void> => {
  const retired = `${staged}.old`;
  let replaced = true;
  try {
    await rename(directory, retired);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    replaced = false;
  }
  try {
    await rename(staged, directory);
  } catch (error) {
    if (replaced) await rename(retired, directory);
    throw error;
  }
  await rm(retired, { recursive: true, force: true });
};

/**
 * Writes a model folder: model.onnx, card.md, manifest.json (and model.int8.onnx, masks.json and others where given), all of it or nothing:
 * the files are written and synced in a folder beside it, which then takes the place by renaming. Where a model is replaced
 * in its own folder, a crash between the two renames leaves the old one beside it as `.<folder>.<hex>.old`.
 * @returns the manifest as written, with `file`, `sha256` and `variants`
 * @throws CytoError MODEL_INVALID where the manifest is not sound (nothing is written), INTERNAL where the disk fails
 */
export const writeModel = async (
  directory: string,
  draft: ManifestDraft,
  files: ModelFiles,
): Promise<ModelManifest> => {
  const variants = files.int8Bytes
    ? { variants: [{ precision: "int8", file: "model.int8.onnx", sha256: sha256Of(files.int8Bytes) }] }
    : {};
  const masks =
    files.masksJson === undefined
      ? {}
      : { masks: { file: "masks.json", sha256: sha256Of(new TextEncoder().encode(files.masksJson)) } };
  const manifest = parseManifest(
    { ...draft, file: "model.onnx", sha256: sha256Of(files.onnxBytes), ...variants, ...masks },
    `manifest of ${draft.name} ${draft.version}`,
  );
  const target = resolve(directory);
  const parent = dirname(target);
  const staged = join(parent, `.${basename(target)}.${randomBytes(6).toString("hex")}`);
  try {
    await mkdir(staged, { recursive: true });
    await writeDurably(join(staged, "model.onnx"), files.onnxBytes);
    if (files.int8Bytes) await writeDurably(join(staged, "model.int8.onnx"), files.int8Bytes);
    if (files.masksJson !== undefined) await writeDurably(join(staged, "masks.json"), files.masksJson);
    if (files.beside) await writeBeside(staged, files.beside);
    await writeDurably(join(staged, "card.md"), files.card);
    await writeDurably(join(staged, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
    await syncDirectory(staged);
    await exchange(staged, target);
    await syncDirectory(parent);
  } catch (error) {
    await rm(staged, { recursive: true, force: true });
    throw new CytoError("INTERNAL", `the model could not be written to ${target}`, { cause: error });
  }
  return manifest;
};
