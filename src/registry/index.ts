export * from "./list.js";
export * from "./load.js";
export { type ClassifierManifest, type DetectorManifest, type ModelManifest, parseManifest } from "./manifest.js";
export { verifyModel } from "./verify.js";
export { compareVersions, isVersion } from "./version.js";
export { type ManifestDraft, type ModelFiles, writeModel } from "./write.js";
