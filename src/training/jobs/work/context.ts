import type { CytoError } from "../../../core/index.js";
import type { TrainingEngine } from "../../../engine/index.js";
import type { TrainingListener } from "../../listener.js";
import type { JobStep } from "../desk.js";
import type { JobPlan } from "../plan.js";
import type { ProgressFile } from "./progressFile.js";
import type { WorkClock } from "./workClock.js";

/** What the steps of a training share. */
export interface JobContext {
  readonly plan: JobPlan;
  readonly progress: ProgressFile;
  readonly clock: WorkClock;
  readonly engine: TrainingEngine;
  /** Fires when the process shall keep its place and end. */
  readonly signal: AbortSignal;
  /** Says where the job is. @param done part of the step */
  readonly at: (step: JobStep, done: number) => void;
  readonly loss: (step: number, losses: Readonly<Record<string, number>>) => void;
  readonly remark: (text: string) => void;
}

/** What a training tells the job. @param prefix of the names of its losses */
export const listenerOf = (
  { at, loss, remark }: JobContext,
  { step, prefix, later }: { readonly step: JobStep; readonly prefix: string; readonly later?: JobStep },
): TrainingListener => ({
  loaded: (done, total) => {
    if (done === total) remark(`${total} fields read`);
  },
  step: ({ done, steps, losses }) => {
    at(step, done);
    loss(steps, Object.fromEntries(Object.entries(losses).map(([name, value]) => [`${prefix}.${name}`, value])));
  },
  stage: (name) => {
    if (later && !name.includes("checkpoint")) at(later, 0);
    remark(name);
  },
});

/** Reasons for which a step that helps is left out, rather than the whole training given up. */
export const isDispensable = ({ code }: CytoError): boolean =>
  code === "DATASET_INVALID" || code === "MEMORY_INSUFFICIENT" || code === "TRAINING_DIVERGED";
