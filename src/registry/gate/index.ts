/** The gate: is a candidate better than the model in production? Pure. */
export { cellsNeeded, fewCells, type GateQuestion, judgeCandidate } from "./judge.js";
export { type PairedInterval, pairedInterval, permutationTail, scoreOfEqual } from "./paired.js";
export { nextLevel, type SpentLevel } from "./spending.js";
export { studentQuantile, studentTail } from "./studentT.js";
export type { ClassTally, FieldTally, ModelTallies, PairedUnit } from "./tallies.js";
