import { dirname } from "node:path";
import { modelsDirectory } from "../core/index.js";
import type { OpenLabelDesk } from "../labels/index.js";
import { findModel, loadPainterModel, type OpenModelDesk, type ScoredPair } from "../registry/index.js";
import type { LaboratoryPaths } from "../store/index.js";
import type { Comparison, FieldTally, JobPorts, ParentModel } from "../training/jobs/index.js";
import { confirmedFields } from "./confirmedFields.js";
import type { Liveness } from "./liveness.js";

const talliesOf = (fields: readonly FieldTally[], side: "candidate" | "active") => {
  const of = (set: FieldTally["set"]) =>
    fields.filter((field) => field.set === set).map((field) => ({ id: field.id, classes: field[side] }));
  return { validation: of("validation"), old: of("old") };
};

/** What a training found, as the gate takes it. */
export const scoredPair = ({ fields, active }: Comparison): ScoredPair => ({
  against: active,
  candidate: talliesOf(fields, "candidate"),
  active: talliesOf(fields, "active"),
});

/** The shipped painter, where there is one. */
const painterModel = async (): Promise<ParentModel | undefined> => {
  const directory = await findModel(modelsDirectory(), "mcgan").catch(() => undefined);
  if (directory === undefined) return undefined;
  const { ref } = await loadPainterModel(directory);
  return { directory, ...ref };
};

export interface TrainingPortsOptions {
  readonly labels: OpenLabelDesk;
  readonly models: OpenModelDesk;
  readonly paths: LaboratoryPaths;
  readonly liveness: Liveness;
  /** Trainings wait while fields are being counted. */
  readonly pauses: boolean;
}

/** What trainings need of labels, models and the live count. */
export const trainingPorts = ({ labels, models, paths, liveness, pauses }: TrainingPortsOptions): JobPorts => {
  const parentOf = async (source: { filePath: string; ref: { name: string; version: string } }) => {
    const { name, version } = source.ref;
    const { sha256 } = await models.show(`${name}@${version}`);
    return { directory: dirname(source.filePath), name, version, sha256 };
  };
  return {
    fields: () => confirmedFields(labels, paths),
    isLive: () => pauses && liveness.live,
    onLive: (listener) => (pauses ? liveness.onChange(listener) : () => undefined),
    activeModels: async () => {
      const { detector, classifier } = models.models;
      const painter = await painterModel();
      return {
        detector: await parentOf(detector),
        classifier: await parentOf(classifier),
        ...(painter ? { painter } : {}),
      };
    },
    judge: (comparison) => models.judge(comparison.candidate, scoredPair(comparison)),
    promote: async (candidate, report) => {
      await models.promote(candidate, "gate", report.reasons.join("; "));
    },
  };
};
