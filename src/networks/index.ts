export * from "./cellClassifier.js";
export * from "./layers.js";
export * from "./parameters.js";
export * from "./quantisedLayers.js";
export * from "./unet.js";
