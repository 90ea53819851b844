/** Data sets of labelled pictures, and batches of training samples from them. */
export {
  type CropAugmentation,
  type CropBatch,
  type CropSampler,
  type CropSamplerOptions,
  createCropSampler,
  cropAugmentation,
  storedCrop,
} from "./cropBatches.js";
export { centredCrops, cropPx, cropUm, cutCrop, type StoredCrop } from "./cropPictures.js";
export type { Dataset, DatasetFacts, DatasetLayout, LabelledField } from "./dataset.js";
export {
  createFieldSampler,
  type FieldAugmentation,
  type FieldSampler,
  type FieldSamplerOptions,
  fieldAugmentation,
} from "./fieldBatches.js";
export type { FieldBatch } from "./fieldTargets.js";
export { type MaskCrop, openMaskCrops } from "./maskCrops.js";
export { openDataset } from "./openDataset.js";
export { PictureCache } from "./pictureCache.js";
export { type PictureWindow, resamplePicture } from "./resample.js";
export type { SamplerState } from "./sampleOrder.js";
export { borderPx, isCut, redCellDiameterUm } from "./scale.js";
export { findTwiceLabelled, inverseOrientation, type TwiceLabelled, turnBox } from "./twiceLabelled.js";
export { iouOf, mergeTwiceListed } from "./twiceListed.js";
