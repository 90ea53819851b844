export { type StopProgress, type StopRules, stopRulesSchema } from "./rules.js";
