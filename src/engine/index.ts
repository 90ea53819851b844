export * from "./contract.js";
export { onnxruntimeEngine } from "./onnxruntime/trainingEngine.js";
