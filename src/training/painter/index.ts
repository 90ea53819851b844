/** Painters of smear fields: CGAN, pix2pix, pix2pix+MD, MCGAN, from training to the picture. */
export {
  drawnSource,
  type FieldSource,
  type GeneratedDataset,
  type GenerateOptions,
  generateFields,
  type RealSourceOptions,
  realSource,
} from "./generateFields.js";
export { keptRedCellPx, loadMaskedFields, type MaskedField } from "./maskedFields.js";
export { drawStain, type MaskSources } from "./maskSources.js";
export {
  type DrawnField,
  type OpenPainterOptions,
  openPainter,
  type Painter,
  type PaintOptions,
} from "./openPainter.js";
export { type MaskView, wholeView } from "./paintPicture.js";
export { type PainterKind, type PainterWeights, painterKinds } from "./settings.js";
export type { PainterTraining } from "./training.js";
export { trainPainter } from "./trainPainter.js";
export { type PainterModel, paintedRedCellPx, writePainter } from "./writePainter.js";
