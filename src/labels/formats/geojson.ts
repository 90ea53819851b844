import { randomUUID } from "node:crypto";
import { mkdir, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { taxonomy } from "../../core/index.js";
import type { FieldCell } from "../fieldRecord.js";
import {
  collectCells,
  type ImportedField,
  type LabelReader,
  type LabelWriter,
  listFolder,
  type PictureSize,
  picturesIn,
  type ReadCells,
  readCell,
  readText,
  rounded,
  stemOf,
} from "./format.js";

const position = z.array(z.number()).min(2);
const feature = z.object({
  geometry: z.discriminatedUnion("type", [
    z.object({ type: z.literal("Polygon"), coordinates: z.array(z.array(position).min(1)).min(1) }),
    z.object({
      type: z.literal("MultiPolygon"),
      coordinates: z.array(z.array(z.array(position).min(1)).min(1)).min(1),
    }),
  ]),
  properties: z.object({
    classification: z.union([z.string(), z.object({ name: z.string() })]).nullish(),
  }),
});

const readFeature = (value: unknown, size: PictureSize): FieldCell | string => {
  const parsed = feature.safeParse(value);
  if (!parsed.success) return parsed.error.issues[0]?.message ?? "it cannot be understood";
  const { geometry, properties } = parsed.data;
  const { classification } = properties;
  if (classification === null || classification === undefined) return "the object has no classification";
  const points = geometry.type === "Polygon" ? geometry.coordinates.flat() : geometry.coordinates.flat(2);
  const [xs, ys] = [points.map((point) => point[0]!), points.map((point) => point[1]!)];
  const least = (values: readonly number[]): number => values.reduce((a, b) => Math.min(a, b));
  const most = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b));
  const box = { left: least(xs), top: least(ys), right: most(xs), bottom: most(ys) };
  return readCell(typeof classification === "string" ? classification : classification.name, box, size);
};

const readFeatures = (text: string, path: string, size: PictureSize): ReadCells => {
  const whole = (message: string): ReadCells => ({ cells: [], faults: [{ place: path, message }] });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return whole("it is not JSON");
  }
  // QuPath writes a collection, or a bare list.
  const features = Array.isArray(value) ? value : (value as { features?: unknown } | null)?.features;
  if (!Array.isArray(features)) return whole("it is no GeoJSON feature collection");
  return collectCells(
    features.map((each, index) => ({ place: `${path}: features[${index}]`, cell: readFeature(each, size) })),
  );
};

/** GeoJSON as QuPath has it: a file a picture, of the same name; the pictures beside them or below images/. */
export const readGeoJson: LabelReader = async function* (given) {
  const single = !(await stat(given)).isDirectory();
  const folder = single ? dirname(given) : given;
  const names = single ? [given.slice(folder.length + 1)] : ((await listFolder(folder)) ?? []);
  const pictures = new Map([...(await picturesIn(folder)), ...(await picturesIn(join(folder, "images")))]);
  for (const name of names) {
    if (!name.endsWith(".geojson")) continue;
    const path = join(folder, name);
    const picturePath = pictures.get(stemOf(name));
    if (picturePath === undefined) {
      yield { place: path, message: "there is no picture of its name" };
      continue;
    }
    const text = await readText(path);
    const field: ImportedField = { place: path, picturePath, cells: (size) => readFeatures(text, path, size) };
    yield field;
  }
};

const rgbOf = (colour: string): number[] => [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));

export const writeGeoJson = async (folder: string): Promise<LabelWriter> => {
  await mkdir(folder, { recursive: true });
  return {
    pictures: "images",
    async add({ cells }, pictureName) {
      const features = cells.map(({ cellClass, box }) => {
        const [left, top, right, bottom] = [box.left, box.top, box.right, box.bottom].map(rounded) as [
          number,
          number,
          number,
          number,
        ];
        const ring = [
          [left, top],
          [right, top],
          [right, bottom],
          [left, bottom],
          [left, top],
        ];
        const classification = { name: cellClass, color: rgbOf(taxonomy[cellClass].colour) };
        return {
          ...{ type: "Feature", id: randomUUID(), geometry: { type: "Polygon", coordinates: [ring] } },
          properties: { objectType: "annotation", classification },
        };
      });
      const text = JSON.stringify({ type: "FeatureCollection", features });
      await writeFile(join(folder, `${stemOf(pictureName)}.geojson`), `${text}\n`);
    },
    finish: async () => {},
  };
};
