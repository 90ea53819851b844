export * from "./checkpoint.js";
export * from "./schedule.js";
export * from "./train.js";
