import "./telemetry.js";

export * from "./boundedQueue.js";
export * from "./cell.js";
export * from "./clock.js";
export * from "./disposal.js";
export * from "./errors.js";
export * from "./errorTable.js";
export * from "./frame.js";
export * from "./latest.js";
export * from "./projectRoot.js";
export * from "./random.js";
export * from "./retryWithBackoff.js";
export * from "./spawnWorker.js";
export * from "./taxonomy.js";
