/** Overnight retraining: the rule that begins it, the process that does it, and what is to be seen of it. */
export * from "./desk.js";
