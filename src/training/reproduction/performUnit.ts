import { createHash } from "node:crypto";
import { join } from "node:path";
import { CytoError } from "../../core/index.js";
import type { TrainingEngine } from "../../engine/index.js";
import { copyPaste, makeFieldPool } from "../augmentation/index.js";
import { trainClassifier } from "../classifier/trainClassifier.js";
import { type LabelledField, PictureCache } from "../datasets/index.js";
import { trainDetector } from "../detector/trainDetector.js";
import { evenlySpaced } from "../evenlySpaced.js";
import { type KnownScales, readTrainingFields } from "../fields.js";
import type { TrainingListener, TrainingRequest, TrainingSummary } from "../listener.js";
import { scoreDetection } from "./detectionScore.js";
import { scorePictures } from "./pictureScore.js";
import { choiceOf } from "./regimes.js";
import type { Runs } from "./runs.js";
import type { ReproductionSettings } from "./settings.js";
import { cutSquare, writeStrip } from "./strips.js";
import { trainPainting } from "./trainPainting.js";
import type { DataKey, NetworkUnit, PainterUnit, PicturesUnit, ScoreUnit, Unit } from "./units.js";

/** Folders of data sets, by what a plan calls them. */
export type DataFolders = Readonly<Partial<Record<DataKey, readonly string[]>>>;

export interface Surroundings {
  readonly data: DataFolders;
  readonly scales: KnownScales;
  readonly settings: ReproductionSettings;
  /** ONNX file or model folder of the features for Frechet distances. */
  readonly features: string;
  readonly engine: TrainingEngine;
  readonly threads?: number | undefined;
  readonly runs: Runs;
  readonly listener: TrainingListener;
  readonly signal?: AbortSignal | undefined;
  /** The command line, for cards. */
  readonly command: string;
}

/** What a unit came to; without figures where it was stopped before its end. */
export interface Performed {
  readonly steps?: number;
  /** Of a training, with the time of the calls before, where it was stopped. */
  readonly seconds?: number;
  readonly figures?: unknown;
}

const version = "0.1.0";

const foldersOf = ({ data }: Surroundings, key: DataKey): readonly string[] => {
  const folders = data[key];
  if (folders) return folders;
  throw new CytoError("INTERNAL", `There is no data set for ${key}`);
};

const requestOf = (unit: PainterUnit | NetworkUnit, steps: number, around: Surroundings): TrainingRequest => ({
  datasets: foldersOf(around, unit.data),
  scales: around.scales,
  // A detector's thresholds are chosen when it is scored; classifiers and painters look at held-out fields themselves.
  choice: choiceOf(unit.regime, {
    validation: unit.kind !== "detector",
    most: unit.kind === "painter" ? around.settings.painterFields : undefined,
  }),
  cache: new PictureCache(around.runs.cache),
  out: around.runs.folder(unit.name),
  duration: { steps },
  seed: unit.seed,
  resume: true,
  version,
  engine: around.engine,
  command: around.command,
  listener: around.listener,
  ...(around.signal ? { signal: around.signal } : {}),
});

const outcomeOf = ({ finished, steps, seconds, figures }: TrainingSummary): Performed =>
  finished ? { steps, seconds, figures } : { steps, seconds };

const performPainter = async (unit: PainterUnit, around: Surroundings): Promise<Performed> => {
  const { settings, runs, threads } = around;
  const summary = await trainPainting(unit.painting, {
    request: requestOf(unit, settings.painterSteps, around),
    judge: unit.judge === undefined ? undefined : join(runs.folder(unit.judge), "model"),
    sidePx: settings.painterSidePx,
    batch: settings.painterBatch,
    threads,
  });
  return outcomeOf(summary);
};

const augmentationOf = (unit: NetworkUnit, around: Surroundings) => {
  if (unit.arm === "rd") return undefined;
  const { settings, runs, threads } = around;
  return {
    painter: unit.painter === undefined ? copyPaste : join(runs.folder(unit.painter), "model"),
    ratio: unit.alone ? 1 : settings.ratio,
    ...(unit.otherStains ? { stains: foldersOf(around, "other")[0]! } : {}),
    fields: settings.madeFields,
    threads,
  };
};

const shownFields = 8;

/** A strip of the first fields that are made, for the contact sheet. */
const showMade = async (unit: NetworkUnit, around: Surroundings): Promise<void> => {
  const augmentation = augmentationOf(unit, around);
  if (!augmentation || unit.kind !== "detector") return;
  const { training } = await readTrainingFields(foldersOf(around, unit.data), {
    scales: around.scales,
    choice: choiceOf(unit.regime, { validation: false }),
  });
  const pool = await makeFieldPool({ augmentation, fields: training, count: shownFields, seed: unit.seed });
  const pictures = pool.items.map(({ width, height, pixels }) => ({ width, height, pixels: Uint8Array.from(pixels) }));
  await writeStrip(join(around.runs.folder(unit.name), "samples.png"), pictures.map(cutSquare));
};

const performNetwork = async (unit: NetworkUnit, around: Surroundings): Promise<Performed> => {
  const { settings } = around;
  const augmentation = augmentationOf(unit, around);
  const made = augmentation ? { augmentation } : {};
  if (unit.kind === "cells")
    return outcomeOf(await trainClassifier({ ...requestOf(unit, settings.cellsSteps, around), ...made }));
  const { batch, canvasPx } = settings;
  const request = requestOf(unit, settings.detectorSteps, around);
  const summary = await trainDetector({ ...request, ...made, settings: { batch, canvasPx } });
  if (summary.finished) await showMade(unit, around);
  return outcomeOf(summary);
};

/** Validation fields of data sets, as many of each as the settings allow. */
const validationOf = async (key: DataKey, around: Surroundings): Promise<readonly LabelledField[]> => {
  const { scales, settings } = around;
  const fields: LabelledField[] = [];
  for (const folder of foldersOf(around, key)) {
    const { validation } = await readTrainingFields([folder], { scales });
    if (validation.length === 0)
      throw new CytoError("DATASET_INVALID", `${folder} has no validation fields (split val)`);
    fields.push(...evenlySpaced(validation, settings.mostFields ?? validation.length));
  }
  return fields;
};

const performPictures = async (unit: PicturesUnit, around: Surroundings): Promise<Performed> => {
  const { runs, features, threads, listener } = around;
  listener.stage("painting held-out masks");
  const figures = await scorePictures({
    painter: unit.painter === undefined ? undefined : join(runs.folder(unit.painter), "model"),
    fields: await validationOf("all", around),
    features,
    folder: runs.folder(unit.name),
    threads,
  });
  return { figures };
};

const performScore = async (unit: ScoreUnit, around: Surroundings): Promise<Performed> => {
  const { runs, threads, listener } = around;
  listener.stage("scoring on validation fields");
  const fields = await validationOf(unit.scored, around);
  const figures = await scoreDetection({
    detector: join(runs.folder(unit.detector), "model"),
    cells: unit.cells === undefined ? undefined : join(runs.folder(unit.cells), "model"),
    fields,
    thresholdFields: unit.thresholdsOn === unit.scored ? fields : await validationOf(unit.thresholdsOn, around),
    threads,
  });
  return { figures };
};

/** Does a unit whose needs are done. A training that was stopped goes on from its checkpoint. */
export const performUnit = (unit: Unit, around: Surroundings): Promise<Performed> => {
  if (unit.kind === "painter") return performPainter(unit, around);
  if (unit.kind === "pictures") return performPictures(unit, around);
  if (unit.kind === "score") return performScore(unit, around);
  return performNetwork(unit, around);
};

/** What tells the contents of a data set: its fields and every label, as they are read. */
const hashOf = (fields: readonly LabelledField[]): string => {
  const hash = createHash("sha256");
  for (const { id, widthPx, heightPx, cells, umPerPixel } of fields)
    hash.update(JSON.stringify([id, widthPx, heightPx, cells, umPerPixel]));
  return hash.digest("hex");
};

/** Fingerprints of data sets by folder; each is read once. */
export class DataIdentities {
  readonly #known = new Map<string, Promise<unknown>>();

  constructor(
    private readonly data: DataFolders,
    private readonly scales: KnownScales,
  ) {}

  async of(key: DataKey): Promise<readonly unknown[]> {
    return Promise.all(
      (this.data[key] ?? []).map((folder) => {
        const known = this.#known.get(folder) ?? this.#identify(folder);
        this.#known.set(folder, known);
        return known;
      }),
    );
  }

  async #identify(folder: string): Promise<unknown> {
    const { training, validation, summaries } = await readTrainingFields([folder], { scales: this.scales });
    return {
      name: summaries[0]?.dataset,
      fields: [training.length, validation.length],
      labels: hashOf([...training, ...validation]),
    };
  }
}
