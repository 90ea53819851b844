import type { TrainingEngine } from "../engine/index.js";
import type { Augmentation } from "./augmentation/augmentation.js";
import type { PictureCache } from "./datasets/pictureCache.js";
import type { FieldChoice, KnownScales } from "./fields.js";
import type { Duration, Pacing, Schedule, StepReport } from "./trainer/index.js";

/** What a training tells while it goes on. */
export interface TrainingListener {
  /** Pictures read so far. */
  readonly loaded: (done: number, total: number) => void;
  readonly step: (report: StepReport) => void;
  /** A stage that is no step: "calibrating", "writing the model". */
  readonly stage: (name: string) => void;
}

/** What every training command is told. */
export interface TrainingRequest {
  /** Folders of data sets. */
  readonly datasets: readonly string[];
  /** Size of a pixel, um, by name of the data set; elsewhere each field's red cells tell it. */
  readonly scales?: KnownScales;
  /** Names of fields that are left out of training and validation. */
  readonly leaveOut?: readonly string[];
  /** Fewer fields or poorer labels than there are. */
  readonly choice?: FieldChoice;
  /** Fields to train on of each data set, evenly spaced, where it has more. */
  readonly mostFields?: number;
  /** Fields that are made, painted or pasted, to be learnt from beside the real ones. */
  readonly augmentation?: Augmentation;
  /** Where pictures that were decoded and resampled are kept for the next training. */
  readonly cache?: PictureCache;
  /** Folder for the checkpoint, the log, the plot and the model (in `model/`). */
  readonly out: string;
  readonly duration: Duration;
  /** Folder of a finished training, or of a model, whose averaged weights this one starts from; without it, from nothing. */
  readonly from?: string;
  readonly seed: number;
  /** Highest learning rate, where not the network's default. */
  readonly learningRate?: number;
  readonly resume: boolean;
  /** Version that the model gets. */
  readonly version: string;
  readonly engine: TrainingEngine;
  /** The command line, for the card. */
  readonly command: string;
  readonly listener: TrainingListener;
  readonly signal?: AbortSignal;
  /** Lets the training be paused between two steps. */
  readonly pacing?: Pacing;
  /** Work after which a checkpoint is written; default a minute. */
  readonly checkpointEveryMs?: number;
}

export interface TrainingSummary {
  readonly steps: number;
  readonly seconds: number;
  readonly finished: boolean;
  /** The model's folder; absent where the training was stopped before its end. */
  readonly model?: string;
  readonly figures: Readonly<Record<string, unknown>>;
}

/** Settings with the learning rate that a request asks for. */
export const withRate = <Settings extends { readonly schedule: Schedule }>(
  settings: Settings,
  { learningRate }: Pick<TrainingRequest, "learningRate">,
): Settings =>
  learningRate === undefined ? settings : { ...settings, schedule: { ...settings.schedule, learningRate } };

/** How a request wants its steps taken. */
export const pacingOf = ({ pacing, checkpointEveryMs = 60_000, signal }: TrainingRequest) => ({
  checkpointEveryMs,
  ...(pacing ? { pacing } : {}),
  ...(signal ? { signal } : {}),
});

/** What else decides a training's course; nothing where nothing of it was asked for, so that older checkpoints fit. */
export const limitsOf = (choice: FieldChoice | undefined, made: { readonly identity: unknown } | undefined) => ({
  ...(choice ? { choice: choice.name } : {}),
  ...(made ? { made: made.identity } : {}),
});

/** Tells of the fields that are made before the first step. */
export const madeReporter =
  ({ stage }: TrainingListener) =>
  (done: number, total: number): void => {
    if (done === 1) stage(`making ${total} fields`);
    if (done === total) stage(`${total} fields made`);
  };
