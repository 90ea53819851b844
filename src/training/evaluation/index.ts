/** A detector run over labelled fields and scored. */
export { writeErrorPictures } from "./errorPictures.js";
export {
  type Evaluation,
  type EvaluationOptions,
  evaluate,
  type ScaleAgreement,
  type ScaleChoice,
} from "./evaluate.js";
export { evaluationTable } from "./table.js";
export { type TallyOptions, tallyModels } from "./tallyModels.js";
