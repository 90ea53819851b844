/** Masks: what a painted field is to show, where, in which stain, and what it is labelled with. */
export { type CellPatch, patchDiameter, type Turn } from "./cellPatch.js";
export { type DrawnShape, drawPatch } from "./drawnOutlines.js";
export {
  createFieldMask,
  type FieldMask,
  type FieldMaskParts,
  type MaskedCell,
  type PositionChannel,
} from "./fieldMask.js";
export { fitPatch, type LaidPatch, turnedAspect } from "./fitPatch.js";
export { type FlatColours, flatColoursOf, measureFlatColours, paintFlat } from "./flatPaint.js";
export { gradientPlane } from "./gradient.js";
export { maskOfField } from "./maskOfField.js";
export { pictureOfPlanes } from "./maskPicture.js";
export {
  type CanvasSize,
  createMaskPlanes,
  drawnPlaneCount,
  gradientPlaneIndex,
  MaskPainter,
  type MaskPlacement,
  maskPlaneCount,
  placedLabels,
  positionChannels,
  stainPlaneIndex,
  uprightPlacement,
} from "./maskPlanes.js";
export { body, type LaidOutline, nucleus, type Outline, outside } from "./outline.js";
export { type CollectOptions, collectOutlines, OutlineLibrary, type StoredLibrary } from "./outlineLibrary.js";
export { drawMask, type RandomMaskOptions } from "./randomMask.js";
export { changeStain, type Stain, stainLength, stainOf, stainSchema, stainValues, usualStain } from "./stain.js";
export { type MaskStatistics, measureStatistics, parseStatistics } from "./statistics.js";
