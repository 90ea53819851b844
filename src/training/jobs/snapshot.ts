import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { copyFile, link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { z } from "zod";
import { CytoError, cellClasses, type LabelledCell, taxonomy } from "../../core/index.js";
import { storeError, writeFileDurably } from "../../store/index.js";
import type { Part, SplitField } from "./split.js";

/** A confirmed field, as a training takes it. */
export interface SnapshotField extends SplitField {
  /** Absolute path of the picture. */
  readonly picturePath: string;
  /** Of the picture's bytes, lower-case hexadecimal. */
  readonly sha256: string;
  /** Size of the picture as it is shown, px. */
  readonly widthPx: number;
  readonly heightPx: number;
  /** In px of the picture. */
  readonly cells: readonly LabelledCell[];
  readonly umPerPixel?: number | undefined;
  readonly revision: number;
  /** When it was confirmed. */
  readonly atMs: number;
}

const entrySchema = z.object({
  field: z.string(),
  revision: z.number(),
  part: z.enum(["train", "calibration", "validation"]),
  /** Path in the data set. */
  picture: z.string(),
  pictureSha256: z.string(),
  labelsSha256: z.string(),
  cells: z.number(),
});

const manifestSchema = z.object({ atMs: z.number(), fields: z.array(entrySchema) });
/** `manifest.json` of a snapshot: what was learnt from, to the byte. */
export type SnapshotManifest = z.infer<typeof manifestSchema>;

export interface Snapshot {
  /** Folder of the data set: splits `train`, `val` (sets thresholds), `test` (the frozen validation fields). */
  readonly dataset: string;
  readonly manifest: SnapshotManifest;
  /** SHA-256 of the manifest. */
  readonly sha256: string;
}

/** Name of the data set of the laboratory's own fields. */
export const laboratoryDataset = "laboratory";

/** The splits of the data set by the parts of the snapshot. */
export const splitOf: Readonly<Record<Part, string>> = { train: "train", calibration: "val", validation: "test" };

const sha256Of = (data: string | Uint8Array): string => createHash("sha256").update(data).digest("hex");

const hashFile = async (path: string): Promise<string> => {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
};

const yoloLines = ({ cells, widthPx, heightPx }: SnapshotField): string =>
  cells
    .map(({ cellClass, box: { left, top, right, bottom } }) => {
      const numbers = [
        (left + right) / 2 / widthPx,
        (top + bottom) / 2 / heightPx,
        (right - left) / widthPx,
        (bottom - top) / heightPx,
      ];
      return `${cellClasses.indexOf(cellClass)} ${numbers.map((value) => value.toFixed(7)).join(" ")}\n`;
    })
    .join("");

/** The same bytes under another name; a copy where the disk has no such links. */
const linkOrCopy = async (from: string, to: string): Promise<void> => {
  await link(from, to).catch(() => copyFile(from, to));
};

const atOnce = 8;

const nameOf = ({ id }: SnapshotField): string =>
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(id) ? id : sha256Of(id).slice(0, 32);

const freezeField = async (folder: string, field: SnapshotField, part: Part) => {
  const split = splitOf[part];
  const name = nameOf(field);
  const picture = join("images", split, `${name}${extname(field.picturePath).toLowerCase()}`);
  await linkOrCopy(field.picturePath, join(folder, picture));
  const found = await hashFile(join(folder, picture));
  if (found !== field.sha256)
    throw new CytoError("STORE_DAMAGED", `${field.picturePath} has not the bytes that it had when it was labelled`);
  const labels = yoloLines(field);
  await writeFile(join(folder, "labels", split, `${name}.txt`), labels);
  return {
    field: field.id,
    revision: field.revision,
    part,
    picture,
    pictureSha256: found,
    labelsSha256: sha256Of(labels),
    cells: field.cells.length,
  };
};

const dataYaml = (fields: readonly SnapshotField[], parts: ReadonlySet<Part>): string => {
  const named = new Set(fields.flatMap(({ cells }) => cells.map(({ cellClass }) => cellClass)));
  const names = cellClasses.flatMap((name, index) =>
    named.has(name) ? [`  ${index}: ${taxonomy[name].abbreviation}`] : [],
  );
  const splits = [...parts].map((part) => `${splitOf[part]}: images/${splitOf[part]}\n`);
  return `${splits.join("")}names:${names.length > 0 ? `\n${names.join("\n")}` : " []"}\n`;
};

const factsYaml = (fields: readonly SnapshotField[]): string => {
  const scales = fields.flatMap((field) =>
    field.umPerPixel === undefined ? [] : [`  ${JSON.stringify(nameOf(field))}: ${field.umPerPixel}\n`],
  );
  return scales.length === 0 ? "" : `scales:\n${scales.join("")}`;
};

/** The snapshot in a folder, where it was finished. @throws CytoError STORE_DAMAGED */
export const readSnapshot = async (folder: string): Promise<Snapshot | undefined> => {
  const path = join(folder, "manifest.json");
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw storeError(error, path);
  });
  if (text === undefined) return undefined;
  try {
    const manifest = manifestSchema.parse(JSON.parse(text));
    return { dataset: join(folder, laboratoryDataset), manifest, sha256: sha256Of(text) };
  } catch (error) {
    throw new CytoError("STORE_DAMAGED", `${path} is no manifest of a snapshot`, { cause: error });
  }
};

/**
 * Freezes fields into a folder as a data set in YOLO layout; later changes of labels do not reach it. The manifest is written
 * last: a folder without one is not finished and is begun anew.
 * @throws CytoError STORE_DAMAGED where a picture is not what was labelled, STORE_FULL, STORE_FAILED
 */
export const freezeSnapshot = async (
  folder: string,
  fields: readonly SnapshotField[],
  { parts, atMs }: { readonly parts: ReadonlyMap<string, Part>; readonly atMs: number },
): Promise<Snapshot> => {
  const dataset = join(folder, laboratoryDataset);
  try {
    await rm(folder, { recursive: true, force: true });
    const used = new Set(parts.values());
    for (const part of used)
      for (const kind of ["images", "labels"]) await mkdir(join(dataset, kind, splitOf[part]), { recursive: true });
    const entries: SnapshotManifest["fields"] = [];
    for (let at = 0; at < fields.length; at += atOnce)
      entries.push(
        ...(await Promise.all(
          fields.slice(at, at + atOnce).map((field) => freezeField(dataset, field, parts.get(field.id)!)),
        )),
      );
    const facts = factsYaml(fields);
    if (facts !== "") await writeFile(join(dataset, "cytostream.yaml"), facts);
    await writeFile(join(dataset, "data.yaml"), dataYaml(fields, used));
    const text = `${JSON.stringify({ atMs, fields: entries }, null, 1)}\n`;
    await writeFileDurably(join(folder, "manifest.json"), text);
    return { dataset, manifest: { atMs, fields: entries }, sha256: sha256Of(text) };
  } catch (error) {
    throw storeError(error, folder);
  }
};
