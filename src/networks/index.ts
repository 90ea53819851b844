export * from "./cellClassifier.js";
export * from "./discriminators.js";
export * from "./featureEncoder.js";
export * from "./generator.js";
export * from "./layers.js";
export * from "./parameters.js";
export * from "./quantisedLayers.js";
export * from "./unet.js";
