export { type ClusterOptions, DensityClusterer, type MapOutput } from "./clustering/clusterer.js";
export * from "./detection.js";
export { CropPreparer, type CropRequest } from "./field/cropPreparer.js";
export { FieldPreparer, fieldMultiple, fieldSizeOf, type PreparedField } from "./field/fieldPreparer.js";
export type { RgbSource } from "./field/resampler.js";
export * from "./model.js";
