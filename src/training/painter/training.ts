import type { TrainingRequest } from "../listener.js";
import type { PainterKind, PainterSettings, PainterWeights } from "./settings.js";

/** What `trainPainter` is told. */
export interface PainterTraining extends TrainingRequest {
  readonly kind: PainterKind;
  /** Share of the samples by name of the data set; default by the root of the number of fields. */
  readonly shares?: Readonly<Record<string, number>>;
  /** Folder of the classifier that judges painted leukocytes; default the shipped one. */
  readonly judge?: string;
  /** Weights of the losses, where not those of the kind. */
  readonly weights?: Partial<PainterWeights>;
  /** Sizes and rates, where not those of the kind. */
  readonly settings?: Partial<Omit<PainterSettings, "judge" | "weights">>;
  /** Names of the data sets that the model's outlines, statistics and stains are taken from; default all. */
  readonly masksFrom?: readonly string[];
  /** Held-out crops are painted, scored and shown after every so many steps. Default 250. */
  readonly showEverySteps?: number;
  /** Threads for painting held-out crops and reading fields; default all cores. */
  readonly threads?: number;
}
