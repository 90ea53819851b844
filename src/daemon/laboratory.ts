import { resolve } from "node:path";
import type { FrameQuality } from "../acquisition/index.js";
import { atHome, type Config } from "../config/index.js";
import { type Clock, CytoError, DisposalStack, modelsDirectory } from "../core/index.js";
import type { Detector, DetectorModels } from "../detection/index.js";
import { openLabelDatabase, openLabelDesk } from "../labels/index.js";
import type { Logger } from "../observability/index.js";
import type { Desks } from "../publication/index.js";
import { type DriftAlarm, openModelDesk } from "../registry/index.js";
import { laboratoryPaths, lockDirectory } from "../store/index.js";
import { comparisonFields, openJobDesk } from "../training/jobs/index.js";
import { confirmedFields } from "./confirmedFields.js";
import { DriftWatch } from "./driftWatch.js";
import { keepField } from "./keepField.js";
import { Liveness } from "./liveness.js";
import type { CountedFrame } from "./messages.js";
import { Proposals } from "./proposals.js";
import { RecentFields } from "./recentFields.js";
import { scoreModels } from "./scoreModels.js";
import { trainingPorts } from "./trainingPorts.js";

export interface LaboratoryOptions {
  readonly config: Config;
  /** Of cytostream. */
  readonly version: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told of all alarms of drift, when one is raised or cleared, and when others are watched. */
  readonly onAlarms?: ((alarms: readonly DriftAlarm[]) => void) | undefined;
}

/** What a laboratory owns and teaches, joined to the live count. Dispose of it after the publication and the detector. */
export interface Laboratory extends AsyncDisposable {
  /** What is in production: the detector is opened with it. */
  readonly models: Required<DetectorModels>;
  /** What clients may ask for. */
  readonly desks: Desks;
  /** From now on other models are exchanged in this detector; until then promotions are refused as NOT_READY. */
  serve(detector: Detector): void;
  /** Tells other processes where the daemon is. */
  noteUrl(url: string): Promise<void>;
  /** A field was counted. */
  counted(field: CountedFrame, quality: FrameQuality): void;
  /** A field was searched and shown, and is in no count: it can be kept for review. */
  looked(field: CountedFrame): void;
  /** Looks for what live fields are held against; takes some seconds of one thread the first time. */
  watchDrift(): Promise<void>;
  /** To be called a few times a second. */
  update(): void;
}

/** `~/` is the home folder. */
export const dataDirectoryOf = ({ dataDir }: Pick<Config, "dataDir">): string => resolve(atHome(dataDir));

/** Time for a training process to write its checkpoint and end. */
const jobsCloseMs = 6000;

/**
 * Opens the data directory: takes its lock, the labels, the models in production, the trainings (one that was cut off goes on).
 * @throws CytoError DATA_DIRECTORY_BUSY, STORE_NEWER, STORE_DAMAGED, STORE_FULL, STORE_FAILED, MODEL_NOT_FOUND, MODEL_INVALID
 */
export const openLaboratory = async (options: LaboratoryOptions): Promise<Laboratory> => {
  const { config, version, clock, log, onAlarms } = options;
  const owner = new DisposalStack();
  try {
    const paths = laboratoryPaths(dataDirectoryOf(config));
    const lock = owner.use("data directory", await lockDirectory(paths));
    const database = owner.use("database", await openLabelDatabase(paths));
    const labels = owner.use("labels", openLabelDesk(paths, database));
    const old = config.training.datasets.map((path) => resolve(path));
    const compared = async (known: readonly string[]) =>
      comparisonFields({
        fields: await confirmedFields(labels, paths),
        assignments: paths.validation,
        ...{ old: known, minutes: config.training.minutes },
      });
    let detector: Detector | undefined;
    const models = owner.use(
      "models",
      await openModelDesk({
        paths,
        shippedDir: modelsDirectory(),
        choice: { ...config.detection.models, precision: config.detection.precision },
        gate: config.training.gate,
        clock,
        score: async (candidate, active) => scoreModels(candidate, active, await compared(old)),
        swap: async (next, golden) => {
          if (!detector) throw new CytoError("NOT_READY", "the detector is not open yet");
          await detector.swap(next, golden);
        },
      }),
    );
    const drift = new DriftWatch({
      paths,
      models: () => models.models,
      validation: async () => (await compared([])).validation,
      onAlarms: (all, changed) => {
        for (const { text: message, ...alarm } of changed) log.event("models.alarm", { ...alarm, message });
        onAlarms?.(all);
      },
    });
    const watchDrift = (): Promise<void> =>
      drift.refresh().catch((error: unknown) => log.limited("models.driftUnknown", { error }));
    models.onChange((promotion) => {
      log.event("models.promoted", { ...promotion });
      void watchDrift();
    });
    const liveness = new Liveness(clock);
    const pauses = config.training.whileLive === "pause";
    const jobs = owner.use(
      "trainings",
      await openJobDesk({
        paths,
        settings: config.training,
        ports: trainingPorts({ labels, models, paths, liveness, pauses }),
        codeVersion: version,
        clock,
        ...(old.length > 0 ? { old } : {}),
        // Where trainings go on beside the live count, the machine is not expected to be idle.
        ...(pauses ? {} : { load: () => 0 }),
        onError: (error) => log.limited("jobs.failed", { error }),
      }),
      jobsCloseMs,
    );
    jobs.onChange(({ id, state, step, attempt, failure }) =>
      log.limited("jobs.changed", { job: id, state, step, attempt, ...(failure ? { failure: failure.code } : {}) }),
    );
    const recent = new RecentFields();
    const proposals = new Proposals({
      labels,
      clock,
      perHour: config.labels.proposalsPerHour,
      mostWaiting: config.labels.mostProposals,
      onError: (error) => log.limited("labels.proposalFailed", { error }),
    });
    owner.defer("proposals", () => proposals.settled());
    log.event("laboratory.opened", { dataDir: paths.root });
    return {
      get models() {
        return models.models;
      },
      desks: {
        labels,
        jobs,
        models,
        keep: async ({ frame, author = "unnamed", id }) => {
          const field = recent.find(frame);
          if (!field)
            throw frame === undefined
              ? new CytoError("NOT_READY", "no field has been counted yet")
              : new CytoError("NOT_FOUND", `frame ${frame} is no longer to be had`);
          return keepField(labels, field, { author, id });
        },
      },
      serve: (opened) => {
        detector = opened;
      },
      noteUrl: (url) => lock.noteUrl(url),
      watchDrift,
      looked: (field) => recent.add(field),
      counted: (field, quality) => {
        liveness.counted();
        drift.see(field, quality);
        recent.add(field);
        proposals.see(field);
      },
      update: () => liveness.update(),
      [Symbol.asyncDispose]: async () => {
        const failures = await owner.close();
        if (failures[0]) throw failures[0].error;
      },
    };
  } catch (error) {
    await owner.close();
    throw error;
  }
};
