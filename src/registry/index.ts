export * from "./candidate.js";
export * from "./desk.js";
export * from "./drift/index.js";
export { type FeatureNetwork, featureNetworkOf, openFeatureFile, openFeaturesModel } from "./featureNetwork.js";
export * from "./gate/index.js";
export { type GoldenPicture, goldenSidePx, mostGoldenFields, readGoldenFields } from "./golden.js";
export { readLineage } from "./lineage.js";
export * from "./list.js";
export * from "./load.js";
export {
  type ClassifierManifest,
  type DetectorManifest,
  type FeaturesManifest,
  type ModelManifest,
  type PainterManifest,
  parseManifest,
} from "./manifest.js";
export * from "./modelDesk.js";
export {
  createPainterSession,
  openPainterSession,
  type PainterSession,
  type PainterSessionOptions,
  type PaintingFeeds,
  type PaintingNetwork,
} from "./painterSession.js";
export { looksLikeFolder, type ServingChoice } from "./production.js";
export { inProductionAt, readPromotions } from "./promotions.js";
export { entryOf, ModelShelf, type ShelvedModel } from "./shelf.js";
export { verifyModel } from "./verify.js";
export { compareVersions, isVersion } from "./version.js";
export { type ManifestDraft, type ModelFiles, writeModel } from "./write.js";
