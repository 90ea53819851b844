export { cacheDirectory, requireSpace } from "./cache.js";
export { type CudaRelease, cudaRelease, onnxruntimeDirectory, setupCuda } from "./cuda.js";
export { fetchWheel, isFetched, sha256Of, wheelDirectory } from "./fetchWheel.js";
export { compilerArguments, setupTensorFlow, type TensorFlowSetup } from "./tensorflow.js";
export { findCompiler, findNodeHeaders, findPython, runTool } from "./tools.js";
export { releaseFor, type TensorFlowRelease, type Wheel, wheelsOf } from "./wheels.js";
