export * from "./desk.js";
export { type FeatureNetwork, featureNetworkOf, openFeatureFile, openFeaturesModel } from "./featureNetwork.js";
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
export {
  createPainterSession,
  openPainterSession,
  type PainterSession,
  type PainterSessionOptions,
  type PaintingFeeds,
  type PaintingNetwork,
} from "./painterSession.js";
export { verifyModel } from "./verify.js";
export { compareVersions, isVersion } from "./version.js";
export { type ManifestDraft, type ModelFiles, writeModel } from "./write.js";
