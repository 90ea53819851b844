/** Data sets of labelled pictures, and batches of training samples from them. */
export type { Dataset, DatasetFacts, DatasetLayout, LabelledField } from "./dataset.js";
export { openDataset } from "./openDataset.js";
export { borderPx, isCut, redCellDiameterUm } from "./scale.js";
