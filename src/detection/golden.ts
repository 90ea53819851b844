import { type Cell, CytoError } from "../core/index.js";
import type { DetectorSource, NetworkModel } from "./model.js";

/** Of a cell on a golden field, what must be found again. */
export type GoldenCell = Pick<Cell, "cellClass" | "densityClass" | "centre" | "box" | "confidence">;

/** A small field, and what a model found on it when it was made. */
export interface GoldenField {
  readonly width: number;
  readonly height: number;
  /** RGB, row by row. */
  readonly pixels: Uint8Array<ArrayBuffer>;
  readonly umPerPixel: number;
  /** Of a classifier: the leukocytes that it named. */
  readonly cells: readonly GoldenCell[];
}

/** What the models must find again before they serve. A model without golden fields has its trial run alone. */
export interface GoldenFields {
  readonly detector?: readonly GoldenField[];
  readonly classifier?: readonly GoldenField[];
}

/** Between machines and arithmetics the map moves by so much, px of the field, and its height by so much. */
const tolerancePx = 3;
const toleranceConfidence = 0.08;
/** Cells so near to the threshold may come and go. */
const borderline = 0.08;
/** Part of the cells that may differ for all that, and always one. */
const toleratedPart = 0.02;

const nearestFree = (cell: GoldenCell, found: readonly GoldenCell[], taken: Set<number>): number => {
  let [best, least] = [-1, tolerancePx];
  found.forEach(({ densityClass, centre }, index) => {
    const distance = Math.hypot(centre.x - cell.centre.x, centre.y - cell.centre.y);
    if (densityClass !== cell.densityClass || taken.has(index) || distance > least) return;
    [best, least] = [index, distance];
  });
  return best;
};

/** Cells of one golden field that are not as they were: missing, added, of another confidence. */
const differencesOf = (
  expected: readonly GoldenCell[],
  found: readonly GoldenCell[],
  thresholds: DetectorSource["thresholds"],
): number => {
  const counts = ({ densityClass, confidence }: GoldenCell): boolean =>
    Math.abs(confidence - thresholds[densityClass]) >= borderline;
  const taken = new Set<number>();
  let differences = 0;
  for (const cell of expected) {
    const index = nearestFree(cell, found, taken);
    if (index >= 0) taken.add(index);
    const confidence = found[index]?.confidence;
    if (confidence === undefined) differences += counts(cell) ? 1 : 0;
    else if (Math.abs(confidence - cell.confidence) > toleranceConfidence) differences++;
  }
  return differences + found.filter((cell, index) => !taken.has(index) && counts(cell)).length;
};

const demand = ({ ref }: NetworkModel, differences: number, cells: number): void => {
  const tolerated = Math.max(1, Math.floor(toleratedPart * cells));
  if (differences <= tolerated && !(cells > 0 && differences === cells)) return;
  throw new CytoError(
    "MODEL_SELF_TEST_FAILED",
    `${ref.name} ${ref.version}: ${differences} of ${cells} cells on its golden fields are not as they were when it was made`,
  );
};

/** @throws CytoError MODEL_SELF_TEST_FAILED where the detector finds other cells than when it was made */
export const demandSameCells = (
  source: DetectorSource,
  fields: readonly GoldenField[],
  found: readonly (readonly GoldenCell[])[],
): void => {
  const differences = fields.map(({ cells }, index) => differencesOf(cells, found[index] ?? [], source.thresholds));
  demand(
    source,
    differences.reduce((sum, value) => sum + value, 0),
    fields.reduce((sum, { cells }) => sum + cells.length, 0),
  );
};

/** @throws CytoError MODEL_SELF_TEST_FAILED where the classifier names cells otherwise than when it was made */
export const demandSameNames = (
  source: NetworkModel,
  fields: readonly GoldenField[],
  named: readonly (readonly GoldenCell[])[],
): void => {
  let [differences, cells] = [0, 0];
  fields.forEach((field, at) => {
    field.cells.forEach(({ cellClass }, index) => {
      cells++;
      if (named[at]?.[index]?.cellClass !== cellClass) differences++;
    });
  });
  demand(source, differences, cells);
};
