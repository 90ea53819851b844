/**
 * onnxruntime from 1.29 on sends usage data to its maker over the network unless this variable is set before its library
 * starts. What runs here may be clinical, so it is always set: for the process, as a thread's copy of the environment does
 * not reach native code. Imported by core's index, hence before anything can start a session or a worker.
 */
process.env.ORT_DISABLE_TELEMETRY = "1";
