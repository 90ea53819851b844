/** Detection: frame -> density map -> cells, in worker threads behind a model slot. */
export { type ClusterOptions, DensityClusterer, type MapOutput } from "./clustering/clusterer.js";
export { type DetectedFrame, type DetectPolicy, detect, type UndetectedFrame } from "./detect.js";
export * from "./detection.js";
export { createDetector, type DetectOptions, type Detector, type DetectorOptions, tryModel } from "./detector.js";
export { CropPreparer, type CropRequest } from "./field/cropPreparer.js";
export {
  FieldPreparer,
  fieldMultiple,
  fieldSizeOf,
  type PicturePart,
  type PreparedField,
} from "./field/fieldPreparer.js";
export type { RgbSource } from "./field/resampler.js";
export * from "./golden.js";
export * from "./model.js";
export { chooseProvider, type ProviderChoice, tryProvider, tryProviders } from "./providers/choose.js";
export { type ExecutionProvider, executionProviders, type ProviderTrial } from "./providers/provider.js";
export { openSession, type SessionRequest } from "./providers/session.js";
