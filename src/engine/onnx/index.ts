export { gradients } from "./autodiff.js";
export * from "./graph.js";
export { type BatchNormOperands, batchNormalise, type NormalisedBatch } from "./normalisation.js";
export { type ConvOptions, Operators, type SliceRange } from "./operators.js";
export { readConstants, type StoredTensor } from "./readConstants.js";
export { opsetVersion, serialise } from "./serialise.js";
