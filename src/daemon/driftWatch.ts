import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type FrameQuality, QualityMeter } from "../acquisition/index.js";
import { densityClassOf } from "../core/index.js";
import { createDetector, type Detection, type DetectorModels } from "../detection/index.js";
import { decodePicture } from "../pictures/index.js";
import {
  type DriftAlarm,
  type DriftField,
  DriftMonitor,
  type DriftReference,
  driftReferenceOf,
  leastReferenceSlides,
  parseDriftReference,
  readDriftReference,
} from "../registry/index.js";
import { type LaboratoryPaths, writeFileDurably } from "../store/index.js";
import type { LabelledField } from "../training/datasets/index.js";
import type { CountedFrame } from "./messages.js";

const hourMs = 3_600_000;

const driftFieldOf = (
  at: { readonly atMs: number; readonly slide: string },
  quality: Pick<FrameQuality, "light" | "stain" | "focus">,
  { cells }: Pick<Detection, "cells">,
): DriftField => {
  const count = (name: string): number => cells.filter(({ cellClass }) => densityClassOf(cellClass) === name).length;
  return {
    ...at,
    light: quality.light,
    stain: quality.stain,
    focus: quality.focus,
    erythrocytes: count("erythrocyte"),
    leukocytes: count("leukocyte"),
    platelets: count("platelet"),
    confidence: cells.reduce((sum, { confidence }) => sum + confidence, 0),
  };
};

/** How the frozen validation fields look to a model, each a slide of its own; undefined where they are too few to tell. */
const measureReference = async (
  models: DetectorModels,
  fields: readonly LabelledField[],
): Promise<DriftReference | undefined> => {
  if (fields.length < leastReferenceSlides) return undefined;
  await using detector = await createDetector({ models, provider: "cpu", threads: 1 });
  const meter = new QualityMeter();
  const seen: DriftField[] = [];
  for (const [sequence, { id, picturePath, umPerPixel }] of fields.entries()) {
    const picture = await decodePicture(picturePath);
    const quality = meter.measure(picture);
    const found = await detector.detect({
      ...{ ...picture, sequence, capturedAtMs: 0, camera: "validation", source: id, simulated: false },
      ...(umPerPixel === undefined ? {} : { umPerPixel }),
    });
    seen.push(driftFieldOf({ atMs: 0, slide: id }, quality, found));
  }
  return driftReferenceOf(seen);
};

export interface DriftWatchOptions {
  readonly paths: LaboratoryPaths;
  readonly models: () => Required<DetectorModels>;
  /** The frozen validation fields. */
  readonly validation: () => Promise<readonly LabelledField[]>;
  readonly onAlarms: (all: readonly DriftAlarm[], changed: readonly DriftAlarm[]) => void;
}

/**
 * Holds live fields against the validation fields of the model in production. Its reference comes with the model, or is measured once on the
 * laboratory's frozen validation fields and kept; without either nothing is watched.
 */
export class DriftWatch {
  readonly #options: DriftWatchOptions;
  #monitor: DriftMonitor | undefined;

  constructor(options: DriftWatchOptions) {
    this.#options = options;
  }

  get alarms(): readonly DriftAlarm[] {
    return this.#monitor?.alarms ?? [];
  }

  /** To be called when another model is in production, and when there may be more validation fields. */
  async refresh(): Promise<void> {
    const { detector } = this.#options.models();
    const reference = (await readDriftReference(dirname(detector.filePath))) ?? (await this.#ownReference());
    this.#monitor = reference ? new DriftMonitor(reference) : undefined;
    this.#options.onAlarms(this.alarms, []);
  }

  see({ frame, detection }: CountedFrame, quality: FrameQuality): void {
    if (!this.#monitor) return;
    // A slide is not told apart by cameras; the hour stands in for it.
    const slide = `${frame.camera} ${frame.source} ${Math.floor(frame.capturedAtMs / hourMs)}`;
    const changed = this.#monitor.add(driftFieldOf({ atMs: frame.capturedAtMs, slide }, quality, detection));
    if (changed.length > 0) this.#options.onAlarms(this.alarms, changed);
  }

  async #ownReference(): Promise<DriftReference | undefined> {
    const { paths, models, validation } = this.#options;
    const fields = await validation();
    const { sha256 } = models().detector.ref;
    const path = join(paths.root, "drift", `${sha256.slice(0, 16)}-${fields.length}.json`);
    const kept = await readFile(path, "utf8").catch(() => undefined);
    if (kept !== undefined) return parseDriftReference(JSON.parse(kept), path);
    const measured = await measureReference(models(), fields);
    if (measured) await writeFileDurably(path, `${JSON.stringify(measured)}\n`);
    return measured;
  }
}
