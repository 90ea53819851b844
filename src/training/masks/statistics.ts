import { z } from "zod";
import {
  type CellClass,
  CytoError,
  cellClasses,
  createRandom,
  type DensityClass,
  densityClasses,
  densityClassOf,
  type LabelledCell,
} from "../../core/index.js";
import type { LabelledField } from "../datasets/dataset.js";
import { isCut } from "../datasets/scale.js";
import { mergeTwiceListed } from "../datasets/twiceListed.js";
import { correlatePairs, pairBins, pairNames } from "./pairCorrelation.js";

/** Quantiles are kept in so many equal steps, and the outermost hundredth at either end is not: labels err, too. */
const quantileSteps = 20;
const tail = 0.01;

const quantiles = z.array(z.number().min(0)).length(quantileSteps + 1);

const shapeSchema = z.strictObject({ cells: z.int().min(1), diameter: quantiles, elongation: quantiles });

export const maskStatisticsSchema = z.strictObject({
  version: z.literal(1),
  fields: z.int().min(1),
  density: z.record(z.enum(densityClasses), quantiles),
  shares: z.partialRecord(z.enum(cellClasses), z.number().min(0)),
  shapes: z.partialRecord(z.enum(cellClasses), shapeSchema),
  neighbours: z.record(z.enum(pairNames), z.array(z.number().min(0)).length(pairBins)),
});

/**
 * What labelled fields are like, measured to draw others like them. Lengths are in diameters of the field's red cells;
 * quantiles stand at 21 equal steps from 0.01 to 0.99. JSON-serialisable.
 * - `density`: cells per squared diameter, over fields. Every cell of which something is seen counts; the area is that in
 *   which their centres may lie, the field and half a cell around it.
 * - `shares`: of each class among the leukocytes; they sum to 1, or are none where there are no leukocytes.
 * - `shapes`: sqrt(width x height) and the logarithm of the longer over the shorter side of the boxes that no border cuts.
 * - `neighbours`: pair correlation by classes of the density map: how many times more pairs than by chance lie 0 to 0.1,
 *   0.1 to 0.2 … 1.9 to 2.0 mean diameters of the two cells apart.
 */
export type MaskStatistics = z.infer<typeof maskStatisticsSchema>;

/** Statistics as JSON gave them. @throws CytoError MODEL_INVALID */
export const parseStatistics = (value: unknown): MaskStatistics => {
  const result = maskStatisticsSchema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new CytoError("MODEL_INVALID", `no statistics of masks: ${issue?.path.join(".")}: ${issue?.message}`);
};

/** The value of kept quantiles at `part` of the way, 0 to 1. */
export const quantileAt = (kept: readonly number[], part: number): number => {
  const at = Math.min(Math.max(part, 0), 1) * (kept.length - 1);
  const below = Math.min(Math.floor(at), kept.length - 2);
  return kept[below]! + (at - below) * (kept[below + 1]! - kept[below]!);
};

const keepQuantiles = (values: readonly number[]): number[] => {
  const sorted = [...values].sort((a, b) => a - b);
  const rounded = (value: number): number => Number(value.toPrecision(4));
  if (sorted.length === 1) sorted.push(sorted[0]!);
  return Array.from({ length: quantileSteps + 1 }, (_, step) =>
    rounded(quantileAt(sorted, tail + (1 - 2 * tail) * (step / quantileSteps))),
  );
};

export type MeasurableField = Pick<
  LabelledField,
  "widthPx" | "heightPx" | "cells" | "incomplete" | "redCellDiameterPx"
>;

interface Measured extends MeasurableField {
  readonly redCellDiameterPx: number;
  readonly cells: readonly LabelledCell[];
}

const sides = ({ box }: LabelledCell): readonly [number, number] => [box.right - box.left, box.bottom - box.top];

export const diameterOf = (cell: LabelledCell): number => {
  const [width, height] = sides(cell);
  return Math.sqrt(width * height);
};

const medianDiameter = (fields: readonly Measured[], densityClass: DensityClass): number => {
  const diameters = fields.flatMap(({ cells, redCellDiameterPx, widthPx, heightPx }) =>
    cells
      .filter(({ cellClass, box }) => densityClassOf(cellClass) === densityClass && !isCut(box, widthPx, heightPx))
      .map((cell) => diameterOf(cell) / redCellDiameterPx),
  );
  return diameters.length > 0 ? diameters.sort((a, b) => a - b)[diameters.length >> 1]! : 0;
};

const densityOf = (fields: readonly Measured[], densityClass: DensityClass): number[] => {
  const extra = medianDiameter(fields, densityClass);
  const complete = fields.filter(({ incomplete }) => !incomplete.includes(densityClass));
  const densities = complete.map(({ cells, redCellDiameterPx, widthPx, heightPx }) => {
    const count = cells.filter(({ cellClass }) => densityClassOf(cellClass) === densityClass).length;
    return count / ((widthPx / redCellDiameterPx + extra) * (heightPx / redCellDiameterPx + extra));
  });
  return keepQuantiles(densities.length > 0 ? densities : [0]);
};

const shapesOf = (fields: readonly Measured[]): MaskStatistics["shapes"] => {
  const shapes: MaskStatistics["shapes"] = {};
  for (const cellClass of cellClasses) {
    const whole = fields.flatMap(({ cells, redCellDiameterPx, widthPx, heightPx }) =>
      cells
        .filter((cell) => cell.cellClass === cellClass && !isCut(cell.box, widthPx, heightPx))
        .map((cell) => ({ diameter: diameterOf(cell) / redCellDiameterPx, sides: sides(cell) })),
    );
    if (whole.length === 0) continue;
    shapes[cellClass] = {
      cells: whole.length,
      diameter: keepQuantiles(whole.map(({ diameter }) => diameter)),
      elongation: keepQuantiles(whole.map(({ sides: [width, height] }) => Math.abs(Math.log(width / height)))),
    };
  }
  return shapes;
};

const sharesOf = (fields: readonly Measured[]): MaskStatistics["shares"] => {
  const counts = new Map<CellClass, number>();
  let all = 0;
  for (const { cellClass } of fields.flatMap(({ cells }) => cells)) {
    if (densityClassOf(cellClass) !== "leukocyte") continue;
    counts.set(cellClass, (counts.get(cellClass) ?? 0) + 1);
    all++;
  }
  const shares: MaskStatistics["shares"] = {};
  for (const [cellClass, count] of counts) shares[cellClass] = count / all;
  return shares;
};

/**
 * Measures labelled fields; those whose scale nothing tells are left out, as are incomplete classes where they are
 * counted. Depends on the fields alone.
 * @throws CytoError DATASET_INVALID where no field is left
 */
export const measureStatistics = (fields: readonly MeasurableField[]): MaskStatistics => {
  const measured = fields.flatMap((field): Measured[] =>
    field.redCellDiameterPx === undefined
      ? []
      : [{ ...field, redCellDiameterPx: field.redCellDiameterPx, cells: mergeTwiceListed(field.cells) }],
  );
  if (measured.length === 0) throw new CytoError("DATASET_INVALID", "no labelled field of known scale to measure");
  return {
    version: 1,
    fields: measured.length,
    density: {
      erythrocyte: densityOf(measured, "erythrocyte"),
      leukocyte: densityOf(measured, "leukocyte"),
      platelet: densityOf(measured, "platelet"),
    },
    shares: sharesOf(measured),
    shapes: shapesOf(measured),
    neighbours: correlatePairs(measured, createRandom(1)),
  };
};
