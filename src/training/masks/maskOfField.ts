import { cellClasses, densityClassOf } from "../../core/index.js";
import type { StoredField } from "../datasets/fieldPictures.js";
import { addLayers, createFieldMask, type FieldMask, type MaskedCell } from "./fieldMask.js";
import { gradientPlane } from "./gradient.js";
import { medianColour } from "./medianColour.js";
import { greenPlane, segmentCell } from "./segment.js";
import { contrastOf, type Stain, stainOf } from "./stain.js";

/** Nuclei of fewer px than this, in squared red cells' diameters, tell no colour. */
const leastNuclei = 0.05;

/** The nuclei's colour is that inside the outlines where there are any: labels tell nuclei from platelets and overlaps. */
const withNuclei = (stain: Stain, field: StoredField, cells: readonly MaskedCell[]): Stain => {
  const layers = new Uint8Array(field.width * field.height);
  if (!addLayers({ width: field.width, cells }, "nucleus", layers)) return stain;
  const nuclei = medianColour(field.pixels, (pixel) => layers[pixel]! > 0, leastNuclei * field.redCellPx ** 2);
  return nuclei ? { ...stain, nuclei } : stain;
};

/**
 * The mask of a real field: outlines by segmentation inside the labelled boxes, edges and stain from the picture. It is
 * of the stored picture's size, so that a placement lays both alike; about 2 bytes a pixel. Boxes without a pixel are
 * left out.
 *
 * @param usual stain of fields like this one, for what is not to be seen in it
 */
export const maskOfField = (field: StoredField, usual?: Stain): FieldMask => {
  const { width, height, redCellPx, boxes } = field;
  const measured = stainOf(field, usual);
  const green = greenPlane(field);
  const [background, redCells] = [measured.background.green, measured.redCells.green];
  const cells: MaskedCell[] = [];
  field.cellClasses.forEach((index, cell) => {
    const cellClass = cellClasses[index]!;
    const at = 4 * cell;
    const box = { left: boxes[at]!, top: boxes[at + 1]!, right: boxes[at + 2]!, bottom: boxes[at + 3]! };
    const options = { densityClass: densityClassOf(cellClass), redCellPx, background, redCells };
    const laid = segmentCell(green, box, options);
    if (laid) cells.push({ cellClass, ...laid });
  });
  const stain = withNuclei(measured, field, cells);
  const edges = gradientPlane(green, { contrast: contrastOf(stain), redCellPx });
  return createFieldMask({ width, height, redCellPx, cells, edges, stain });
};
