export { openStageControl, type StageControlOptions } from "./control.js";
