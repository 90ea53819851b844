export * from "./contract.js";
export { onnxruntimeEngine } from "./onnxruntime/trainingEngine.js";
export {
  bindingFile,
  findTensorFlow,
  libraryFile,
  recordFile,
  requireTensorFlow,
  type TensorFlowBinding,
  type TensorFlowRecord,
  tensorFlowPackage,
} from "./tfjs/binding.js";
export { type TfjsEngineOptions, tfjsEngine } from "./tfjs/trainingEngine.js";
