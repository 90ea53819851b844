export * from "./detection.js";
export * from "./model.js";
