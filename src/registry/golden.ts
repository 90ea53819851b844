import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { CytoError, cellClasses, densityClasses } from "../core/index.js";
import {
  createDetector,
  type DetectorModels,
  type GoldenCell,
  type GoldenField,
  type NetworkModel,
} from "../detection/index.js";
import { decodePicture, encodePng, type Picture } from "../pictures/index.js";

/** A field that a model is to be tried on before it serves. */
export interface GoldenPicture {
  readonly picture: Picture;
  readonly umPerPixel: number;
}

/** Sides of a golden field are cut to this, px: a swap tries it in every worker, between two frames. */
export const goldenSidePx = 384;
/** Fields beyond this would keep frames waiting for the sake of little. */
export const mostGoldenFields = 6;

const positionSchema = z.strictObject({ x: z.number(), y: z.number() });
const boxSchema = z.strictObject({ left: z.number(), top: z.number(), right: z.number(), bottom: z.number() });
const cellSchema = z.strictObject({
  cellClass: z.literal([...cellClasses]),
  densityClass: z.literal([...densityClasses]),
  centre: positionSchema,
  box: boxSchema,
  confidence: z.number().min(0).max(1.001),
});
const fieldSchema = z.strictObject({
  file: z.string().regex(/^[0-9]{1,3}\.png$/),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  umPerPixel: z.number().positive(),
  /** By precision. */
  cells: z.record(z.string(), z.array(cellSchema)),
});
const goldenSchema = z.strictObject({ fields: z.array(fieldSchema).min(1).max(mostGoldenFields) });

const folder = "golden";
const sha256Of = (bytes: Uint8Array | string): string => createHash("sha256").update(bytes).digest("hex");

const middleOf = ({ width, height, pixels }: Picture): Picture & { pixels: Uint8Array<ArrayBuffer> } => {
  const [w, h] = [Math.min(width, goldenSidePx), Math.min(height, goldenSidePx)];
  const [left, top] = [(width - w) >> 1, (height - h) >> 1];
  const part = new Uint8Array(w * h * 3);
  for (let y = 0; y < h; y++) {
    const start = ((top + y) * width + left) * 3;
    part.set(pixels.subarray(start, start + w * 3), y * w * 3);
  }
  return { width: w, height: h, pixels: part };
};

const rounded = (value: number, parts: number): number => Math.round(value * parts) / parts;

const goldenCell = ({ cellClass, densityClass, centre, box, confidence }: GoldenCell): GoldenCell => ({
  cellClass,
  densityClass,
  centre: { x: rounded(centre.x, 100), y: rounded(centre.y, 100) },
  box: {
    left: rounded(box.left, 100),
    top: rounded(box.top, 100),
    right: rounded(box.right, 100),
    bottom: rounded(box.bottom, 100),
  },
  confidence: rounded(confidence, 10_000),
});

/** Searches the fields as the daemon would, with the models as they are loaded. */
const cellsOn = async (models: DetectorModels, fields: readonly GoldenPicture[]): Promise<GoldenCell[][]> => {
  await using detector = await createDetector({ models, provider: "cpu", threads: 1 });
  const found: GoldenCell[][] = [];
  for (const [sequence, { picture, umPerPixel }] of fields.entries()) {
    const { width, height, pixels } = picture;
    const frame = { sequence, capturedAtMs: 0, width, height, camera: "golden", source: "golden", simulated: false };
    const detection = await detector.detect({ ...frame, pixels: pixels.slice(), umPerPixel });
    found.push(detection.cells.map(goldenCell));
  }
  return found;
};

export interface GoldenRequest {
  readonly pictures: readonly GoldenPicture[];
  /** The models by precision, the new one among them; a classifier's golden cells are found with the detector beside it. */
  readonly models: ReadonlyMap<string, DetectorModels>;
  readonly kind: NetworkModel["kind"];
}

/**
 * Golden fields of a model: the middles of the pictures as PNG, what it finds on them, and the hash of that: files by their path in
 * the model's folder.
 * @throws CytoError what keeps the model from searching them, MODEL_INVALID where it finds nothing on any of them
 */
export const makeGoldenFiles = async (request: GoldenRequest): Promise<Map<string, Uint8Array | string>> => {
  const { pictures, models, kind } = request;
  const fields = pictures.slice(0, mostGoldenFields).map(({ picture, umPerPixel }) => ({
    picture: middleOf(picture),
    umPerPixel,
  }));
  const wanted = ({ densityClass }: GoldenCell): boolean => kind === "detector" || densityClass === "leukocyte";
  const byPrecision = new Map<string, GoldenCell[][]>();
  for (const [precision, chosen] of models) {
    const cells = (await cellsOn(chosen, fields)).map((found) => found.filter(wanted));
    if (!cells.some((found) => found.length > 0))
      throw new CytoError("MODEL_INVALID", "the model finds nothing on its golden fields");
    byPrecision.set(precision, cells);
  }
  const files = new Map<string, Uint8Array | string>();
  const entries: z.infer<typeof fieldSchema>[] = [];
  for (const [index, { picture, umPerPixel }] of fields.entries()) {
    const png = await encodePng(picture);
    const file = `${index}.png`;
    files.set(`${folder}/${file}`, png);
    const cells = Object.fromEntries([...byPrecision].map(([precision, found]) => [precision, found[index]!]));
    entries.push({ file, sha256: sha256Of(png), umPerPixel, cells });
  }
  const json = `${JSON.stringify({ fields: entries }, null, 1)}\n`;
  files.set(`${folder}/golden.json`, json);
  files.set(`${folder}/golden.sha256`, `${sha256Of(json)}\n`);
  return files;
};

const unsound = (directory: string, reason: string, cause?: unknown): CytoError =>
  new CytoError("MODEL_INVALID", `${directory}: its golden fields ${reason}`, { cause });

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const isMissing = (error: unknown): boolean => error instanceof Error && "code" in error && error.code === "ENOENT";

/**
 * The golden fields of a model folder, with what the model found on them in that precision; undefined where the model has none.
 * @throws CytoError MODEL_INVALID where they are not what was written, or do not know that precision
 */
export const readGoldenFields = async (
  directory: string,
  precision = "fp32",
): Promise<readonly GoldenField[] | undefined> => {
  const path = (name: string): string => join(directory, folder, name);
  let json: string;
  try {
    json = await readFile(path("golden.json"), "utf8");
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw unsound(directory, "cannot be read", error);
  }
  const hash = await readFile(path("golden.sha256"), "utf8").catch(() => "");
  if (hash.trim() !== sha256Of(json)) throw unsound(directory, "are not what was written: the hash differs");
  const parsed = goldenSchema.safeParse(parseJson(json));
  if (!parsed.success) throw unsound(directory, `are none: ${parsed.error.issues[0]?.message}`);
  return Promise.all(
    parsed.data.fields.map(async ({ file, sha256, umPerPixel, cells }): Promise<GoldenField> => {
      const bytes = await readFile(path(file)).catch((error: unknown) => {
        throw unsound(directory, `lack ${file}`, error);
      });
      if (sha256Of(bytes) !== sha256) throw unsound(directory, `are not what was written: ${file}`);
      const found = cells[precision];
      if (!found) throw unsound(directory, `were not searched in ${precision}`);
      const { width, height, pixels } = await decodePicture(bytes);
      return { width, height, pixels, umPerPixel, cells: found };
    }),
  );
};
