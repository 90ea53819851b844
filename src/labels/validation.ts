import { createHash } from "node:crypto";
import { type CellClass, CytoError, cellClasses } from "../core/index.js";
import {
  type FieldCell,
  type FieldOrigin,
  type LabelSubmission,
  type ReviewState,
  reviewStates,
} from "./fieldRecord.js";

/** Bounds of what a label may hold. */
export const labelLimits = {
  idLength: 100,
  authorLength: 100,
  originLength: 200,
  cells: 10_000,
  /** Narrower boxes, px, are what rounding leaves of empty ones. */
  leastSidePx: 0.1,
  /** Boxes may reach out of the picture by so much, px, for rounding; it is cut off. */
  overhangPx: 0.05,
} as const;

const invalid = (message: string, context: Readonly<Record<string, unknown>> = {}): CytoError =>
  new CytoError("LABEL_INVALID", message, { context });

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const control = /[\u0000-\u001f\u007f]/;

const text = (value: unknown, key: string, longest: number): string => {
  if (typeof value !== "string") throw invalid(`${key} is not text`, { key });
  if (value.length === 0 || value.length > longest) throw invalid(`${key} has 1 to ${longest} characters`, { key });
  if (control.test(value)) throw invalid(`${key} has control characters`, { key });
  return value;
};

const optionalText = (value: unknown, key: string, longest: number): string | undefined =>
  value === undefined || value === null ? undefined : text(value, key, longest);

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  value !== null && typeof value === "object" && !Array.isArray(value);

const share = (value: unknown, key: string): number => {
  if (typeof value !== "number" || !(value >= 0 && value <= 1))
    throw invalid(`${key} is not a number from 0 to 1`, { key });
  return value;
};

const classOf = (value: unknown, key: string): CellClass => {
  const known = cellClasses.find((cellClass) => cellClass === value);
  if (known === undefined)
    throw invalid(
      `${key}: there is no class ${JSON.stringify(value)?.slice(0, 60)}; known: ${cellClasses.join(", ")}`,
      { key },
    );
  return known;
};

const parseBox = (value: unknown, key: string): FieldCell["box"] => {
  if (!isObject(value)) throw invalid(`${key} is not a box (left, top, right, bottom)`, { key });
  const { left, top, right, bottom } = value;
  for (const side of [left, top, right, bottom])
    if (typeof side !== "number" || !Number.isFinite(side))
      throw invalid(`${key}: four finite numbers are due`, { key });
  const box = { left, top, right, bottom } as FieldCell["box"];
  if (box.right < box.left || box.bottom < box.top) throw invalid(`${key} has a negative size`, { key });
  const { leastSidePx, overhangPx } = labelLimits;
  if (box.right - box.left < leastSidePx || box.bottom - box.top < leastSidePx)
    throw invalid(`${key} is empty`, { key });
  if (box.left < -overhangPx || box.top < -overhangPx) throw invalid(`${key} reaches out of the picture`, { key });
  return { left: Math.max(0, box.left), top: Math.max(0, box.top), right: box.right, bottom: box.bottom };
};

const parseProbabilities = (value: unknown, key: string): NonNullable<FieldCell["probabilities"]> => {
  if (!isObject(value)) throw invalid(`${key} is not an object of classes`, { key });
  return Object.fromEntries(
    Object.entries(value).map(([name, probability]) => [classOf(name, key), share(probability, `${key}.${name}`)]),
  );
};

const parseCell = (value: unknown, index: number): FieldCell => {
  const key = `cells[${index}]`;
  if (!isObject(value)) throw invalid(`${key} is not a cell`, { key });
  const { confidence, probabilities } = value;
  return {
    cellClass: classOf(value.cellClass, `${key}.cellClass`),
    box: parseBox(value.box, `${key}.box`),
    ...(confidence === undefined ? {} : { confidence: share(confidence, `${key}.confidence`) }),
    ...(probabilities === undefined
      ? {}
      : { probabilities: parseProbabilities(probabilities, `${key}.probabilities`) }),
  };
};

const originKeys = ["slide", "scan", "device", "model", "file"] as const;

const parseOrigin = (value: unknown): FieldOrigin | undefined => {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw invalid("origin is not an object", { key: "origin" });
  const unknown = Object.keys(value).find((key) => !originKeys.some((known) => known === key));
  if (unknown !== undefined) throw invalid(`origin has no ${unknown.slice(0, 60)}`, { key: "origin" });
  return Object.fromEntries(
    originKeys.flatMap((key) => {
      const said = optionalText(value[key], `origin.${key}`, labelLimits.originLength);
      return said === undefined ? [] : [[key, said]];
    }),
  );
};

const parseTarget = ({ field, picture }: Readonly<Record<string, unknown>>): { field?: string; picture?: string } => {
  const target = optionalText(field, "field", labelLimits.idLength);
  if (target !== undefined) {
    if (picture !== undefined && picture !== null)
      throw invalid("picture is for new fields: one that is there keeps its own", { key: "picture" });
    return { field: target };
  }
  if (typeof picture !== "string" || !/^[0-9a-f]{64}$/.test(picture))
    throw invalid("picture is not a SHA-256 in lower-case hexadecimal, and no field is named", { key: "picture" });
  return { picture };
};

/**
 * A label from what a client sent, whatever that is: known keys, in one order.
 * @throws CytoError LABEL_INVALID naming the key
 */
export const parseLabel = (value: unknown): LabelSubmission => {
  if (!isObject(value)) throw invalid("a label is an object");
  const { cells, state, umPerPixel, basedOn } = value;
  if (!Array.isArray(cells)) throw invalid("cells is not a list", { key: "cells" });
  if (cells.length > labelLimits.cells) throw invalid(`cells has more than ${labelLimits.cells}`, { key: "cells" });
  const known = reviewStates.find((each) => each === state);
  if (known === undefined) throw invalid(`state is one of ${reviewStates.join(", ")}`, { key: "state" });
  if (umPerPixel !== undefined && (typeof umPerPixel !== "number" || !(umPerPixel >= 0.01 && umPerPixel <= 2)))
    throw invalid("umPerPixel is a number from 0.01 to 2", { key: "umPerPixel" });
  if (basedOn !== undefined && !(Number.isSafeInteger(basedOn) && (basedOn as number) >= 1))
    throw invalid("basedOn is a revision, from 1", { key: "basedOn" });
  const origin = parseOrigin(value.origin);
  return {
    id: text(value.id, "id", labelLimits.idLength),
    ...parseTarget(value),
    cells: cells.map(parseCell),
    state: known,
    author: text(value.author, "author", labelLimits.authorLength),
    ...(umPerPixel === undefined ? {} : { umPerPixel: umPerPixel as number }),
    ...(origin === undefined ? {} : { origin }),
    ...(basedOn === undefined ? {} : { basedOn: basedOn as number }),
  };
};

/** The same for equal labels: what tells a label that is sent again from another one under its id. */
export const labelDigest = (label: LabelSubmission): string =>
  createHash("sha256").update(JSON.stringify(label)).digest("hex");

/** How far boxes reach to the right and down, px. */
export const reachOf = (cells: readonly FieldCell[]): { readonly right: number; readonly bottom: number } => ({
  right: cells.reduce((most, { box }) => Math.max(most, box.right), 0),
  bottom: cells.reduce((most, { box }) => Math.max(most, box.bottom), 0),
});

interface Size {
  readonly widthPx: number;
  readonly heightPx: number;
}

/**
 * The cells within their picture.
 * @throws CytoError LABEL_INVALID naming the first box that reaches out
 */
export const placeCells = (cells: readonly FieldCell[], { widthPx, heightPx }: Size): readonly FieldCell[] => {
  const { overhangPx, leastSidePx } = labelLimits;
  return cells.map((cell, index) => {
    const { box } = cell;
    const key = `cells[${index}].box`;
    if (box.right > widthPx + overhangPx || box.bottom > heightPx + overhangPx)
      throw invalid(`${key} reaches out of the picture of ${widthPx} x ${heightPx}`, { key });
    if (box.right <= widthPx && box.bottom <= heightPx) return cell;
    const placed = { ...box, right: Math.min(box.right, widthPx), bottom: Math.min(box.bottom, heightPx) };
    if (placed.right - placed.left < leastSidePx || placed.bottom - placed.top < leastSidePx)
      throw invalid(`${key} is empty within the picture of ${widthPx} x ${heightPx}`, { key });
    return { ...cell, box: placed };
  });
};

/** How many cells of each class, classes without any left out. */
export const classCounts = (cells: readonly FieldCell[]): Partial<Record<CellClass, number>> => {
  const counts: Partial<Record<CellClass, number>> = {};
  for (const { cellClass } of cells) counts[cellClass] = (counts[cellClass] ?? 0) + 1;
  return counts;
};

/** Only these are offered for review, in this order of progress. */
export const openStates: readonly ReviewState[] = ["proposed", "corrected"];
