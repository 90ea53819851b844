/** Micro-Manager's core in a process of its own, shared by the drivers `micromanager` of cameras and stages. */
export { Bridge, type BridgeOutcome, type FrameSink } from "./bridge.js";
export { type BridgeConfiguration, configurationOf, configurationShape } from "./configuration.js";
export { type BridgeLease, failureOf, leaseBridge, type RoleCodes } from "./lease.js";
export type { BridgeFrame } from "./protocol.js";
