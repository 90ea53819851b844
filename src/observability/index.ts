export * from "./health.js";
export * from "./logEvents.js";
export * from "./logger.js";
export * from "./metrics.js";
export { redactFields, redactText } from "./redaction.js";
