export * from "./health.js";
export type { LogDestination } from "./logDestination.js";
export * from "./logEvents.js";
export * from "./logger.js";
export * from "./metrics.js";
export { redactFields, redactText } from "./redaction.js";
