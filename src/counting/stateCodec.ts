import { crc32 } from "node:zlib";
import { z } from "zod";
import { CytoError, cellClasses } from "../core/index.js";
import {
  CellStore,
  type ColumnName,
  type Columns,
  columnNames,
  type LeukocyteEvidence,
  leukocyteNamedAt,
} from "./cellStore.js";
import { RectIndex } from "./coverage.js";
import type { CountingOptions } from "./options.js";
import type { PlacementState, RecentField } from "./placement.js";
import { preparePicture } from "./registration.js";
import { Slide } from "./slide.js";
import type { Tally } from "./tally.js";

/**
 * Layout, little-endian: the magic; the length of the head in bytes (uint32) and the CRC-32 of all that follows it
 * (uint32); the head, JSON padded with blanks to a multiple of 8; the columns, each padded to a multiple of 8.
 */
const magic = "CYTOCNT1";
const preambleBytes = magic.length + 8;

interface Parts {
  readonly slide: Slide;
  readonly placing: PlacementState;
  readonly tally: Tally;
}

const numberTypes = { f64: Float64Array, f32: Float32Array, i32: Int32Array, u8: Uint8Array } as const;
type NumberType = keyof typeof numberTypes;
type NumberArray = InstanceType<(typeof numberTypes)[NumberType]>;

const count = z.int().nonnegative();
const point = z.object({ x: z.number(), y: z.number() });
const placementSchema = z.object({
  area: count,
  centreUm: point,
  method: z.enum(["stage", "registration", "origin", "separate"]),
  umPerPixel: z.number().positive(),
  refinement: z.object({ x: z.number(), y: z.number(), pairs: count }).exactOptional(),
  similarity: z.number().exactOptional(),
  peakRatio: z.number().exactOptional(),
});
const headSchema = z.object({
  columns: z.array(z.object({ name: z.string(), type: z.enum(["f64", "f32", "i32", "u8"]), length: count })),
  nextArea: z.int().positive(),
  stageUsed: z.boolean(),
  scaleEstimates: z.array(z.number().positive()),
  recent: z.array(
    z.object({
      widthPx: z.number().positive(),
      heightPx: z.number().positive(),
      thumbnail: z.object({ width: z.int().positive(), height: z.int().positive() }).nullable(),
      placement: placementSchema,
    }),
  ),
  tally: z.object({
    classes: z.array(count).length(cellClasses.length),
    fields: z.object({ counted: count, repeated: count, unplaced: count, separate: count }),
    areas: count,
    knownUm2: z.number().nonnegative(),
    estimatedPx2: z.number().nonnegative(),
    forgottenCells: count,
    simulated: z.boolean(),
    models: z.array(z.object({ name: z.string(), version: z.string(), sha256: z.string() })),
    lastSequence: z.number().nullable(),
  }),
});
type Head = z.infer<typeof headSchema>;

const padded = (bytes: number): number => Math.ceil(bytes / 8) * 8;

const typeOf = (array: NumberArray): NumberType =>
  (Object.keys(numberTypes) as NumberType[]).find((type) => array instanceof numberTypes[type])!;

const columnsOf = ({ slide, placing }: Parts): Map<string, NumberArray> => {
  const { store, fields, frames, cellsBefore } = slide.parts;
  const ids = Int32Array.from(store.leukocytes.keys());
  const evidence = new Float64Array(ids.length * (leukocyteNamedAt + 1));
  [...store.leukocytes.values()].forEach((values, index) => {
    evidence.set(values, index * values.length);
  });
  return new Map<string, NumberArray>([
    ...columnNames.map((name) => [`cell.${name}`, store.columns[name].subarray(0, store.size)] as const),
    ["leukocyte.ids", ids],
    ["leukocyte.evidence", evidence],
    ["fields", fields.toColumn()],
    ["frames", frames.toColumn()],
    ["fields.cellsBefore", Int32Array.from(cellsBefore)],
    ...placing.recent.flatMap(({ picture }, index) =>
      picture === undefined ? [] : [[`recent.${index}`, picture.thumbnail.luminance] as const],
    ),
  ]);
};

/** Everything a counter knows, as bytes. */
export const encodeState = (parts: Parts): Uint8Array<ArrayBuffer> => {
  const { placing, tally } = parts;
  const columns = columnsOf(parts);
  const head: Head = {
    columns: [...columns].map(([name, array]) => ({ name, type: typeOf(array), length: array.length })),
    nextArea: placing.nextArea,
    stageUsed: placing.stageUsed,
    scaleEstimates: [...placing.scaleEstimates],
    recent: placing.recent.map(({ picture, widthPx, heightPx, placement }) => ({
      widthPx,
      heightPx,
      thumbnail: picture === undefined ? null : { width: picture.thumbnail.width, height: picture.thumbnail.height },
      placement,
    })),
    tally: { ...tally, classes: [...tally.classes], models: [...tally.models] },
  };
  const json = new TextEncoder().encode(JSON.stringify(head));
  const headBytes = padded(json.length);
  const total = [...columns.values()].reduce((sum, array) => sum + padded(array.byteLength), preambleBytes + headBytes);
  const bytes = new Uint8Array(total);
  bytes.set(new TextEncoder().encode(magic));
  bytes.fill(0x20, preambleBytes, preambleBytes + headBytes);
  bytes.set(json, preambleBytes);
  let at = preambleBytes + headBytes;
  for (const array of columns.values()) {
    bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), at);
    at += padded(array.byteLength);
  }
  const view = new DataView(bytes.buffer);
  view.setUint32(magic.length, headBytes, true);
  view.setUint32(magic.length + 4, crc32(bytes.subarray(preambleBytes)), true);
  return bytes;
};

const invalid = (why: string, cause?: unknown): CytoError =>
  new CytoError("COUNTING_STATE_INVALID", `saved counts: ${why}`, cause === undefined ? {} : { cause });

const readHead = (bytes: Uint8Array): { head: Head; columnsAt: number } => {
  if (bytes.length < preambleBytes) throw invalid("cut short");
  if (new TextDecoder().decode(bytes.subarray(0, magic.length)) !== magic) throw invalid("not of this kind or version");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const columnsAt = preambleBytes + view.getUint32(magic.length, true);
  if (view.getUint32(magic.length + 4, true) !== crc32(bytes.subarray(preambleBytes))) throw invalid("damaged");
  if (columnsAt > bytes.length) throw invalid("cut short");
  try {
    const json = new TextDecoder().decode(bytes.subarray(preambleBytes, columnsAt));
    return { head: headSchema.parse(JSON.parse(json)), columnsAt };
  } catch (error) {
    throw invalid("the head does not fit", error);
  }
};

const readColumns = (bytes: Uint8Array, head: Head, columnsAt: number): Map<string, NumberArray> => {
  const columns = new Map<string, NumberArray>();
  let at = columnsAt;
  for (const { name, type, length } of head.columns) {
    const array = new numberTypes[type](length <= bytes.length ? length : 0);
    if (array.length !== length || at + array.byteLength > bytes.length) throw invalid("cut short");
    new Uint8Array(array.buffer).set(bytes.subarray(at, at + array.byteLength));
    columns.set(name, array);
    at += padded(array.byteLength);
  }
  return columns;
};

const restoreStore = (columns: Map<string, NumberArray>, fields: number): CellStore => {
  const cells = new CellStore();
  const size = columns.get("cell.area")?.length;
  const take = (name: ColumnName): NumberArray => {
    const column = columns.get(`cell.${name}`);
    if (column === undefined || column.length !== size) throw invalid(`column ${name} is missing or too short`);
    if (column.constructor !== cells.columns[name].constructor) throw invalid(`column ${name} has another type`);
    return column;
  };
  const store = Object.fromEntries(columnNames.map((name) => [name, take(name)])) as Columns;
  if (store.field.some((field) => field < 0 || field >= fields))
    throw invalid("a cell names a field that is not there");
  if (store.cellClass.some((index) => index >= cellClasses.length)) throw invalid("a cell has no known class");
  const ids = columns.get("leukocyte.ids");
  const evidence = columns.get("leukocyte.evidence");
  const each = leukocyteNamedAt + 1;
  if (!(ids instanceof Int32Array) || !(evidence instanceof Float64Array)) throw invalid("no evidence of leukocytes");
  if (evidence.length !== ids.length * each) throw invalid("evidence of leukocytes is cut short");
  const perCell = (id: number, index: number): [number, LeukocyteEvidence] => [
    id,
    evidence.slice(index * each, (index + 1) * each),
  ];
  return CellStore.fromColumns(store, Array.from(ids, perCell));
};

const restoreRects = (columns: Map<string, NumberArray>, name: string): RectIndex => {
  const column = columns.get(name);
  if (!(column instanceof Float64Array) || !column.every(Number.isFinite)) throw invalid(`column ${name} is missing`);
  return RectIndex.fromColumn(column);
};

const restoreStarts = (column: NumberArray | undefined, fields: number, cells: number): number[] => {
  if (!(column instanceof Int32Array) || column.length !== fields)
    throw invalid("column fields.cellsBefore is missing");
  const ordered = column.every((start, index) => start >= (column[index - 1] ?? 0) && start <= cells);
  if (!ordered) throw invalid("column fields.cellsBefore is out of order");
  return Array.from(column);
};

/** @throws CytoError COUNTING_STATE_INVALID */
export const decodeState = (bytes: Uint8Array, options: CountingOptions): Parts => {
  const { head, columnsAt } = readHead(bytes);
  const columns = readColumns(bytes, head, columnsAt);
  const fields = restoreRects(columns, "fields");
  const frames = restoreRects(columns, "frames");
  if (frames.size !== fields.size) throw invalid("fields and frames differ in number");
  const store = restoreStore(columns, fields.size);
  const recent = head.recent.map((entry, index): RecentField => {
    const { widthPx, heightPx, thumbnail, placement } = entry;
    if (thumbnail === null) return { widthPx, heightPx, placement };
    const { width, height } = thumbnail;
    const luminance = columns.get(`recent.${index}`);
    if (!(luminance instanceof Float32Array) || luminance.length !== width * height)
      throw invalid("a picture is cut short");
    return { picture: preparePicture({ width, height, luminance }), widthPx, heightPx, placement };
  });
  const parts = {
    store,
    fields,
    frames,
    cellsBefore: restoreStarts(columns.get("fields.cellsBefore"), fields.size, store.size),
    forgottenCells: head.tally.forgottenCells,
  };
  const { nextArea, stageUsed, scaleEstimates, tally } = head;
  return {
    slide: new Slide(options, parts),
    placing: { nextArea, stageUsed, scaleEstimates, recent },
    tally,
  };
};
