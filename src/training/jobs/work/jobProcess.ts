/** The training process: told by `job.json`, it does the steps of one training and tells of them over its channel. */
import { readFile } from "node:fs/promises";
import { constants, setPriority } from "node:os";
import { join } from "node:path";
import { CytoError } from "../../../core/index.js";
import { onnxruntimeEngine } from "../../../engine/index.js";
import { openDataset } from "../../datasets/index.js";
import type { JobStep } from "../desk.js";
import { type ChildMessage, parentMessageSchema } from "../messages.js";
import { type JobPlan, jobPlanSchema, timeShares } from "../plan.js";
import { placeCandidates } from "./candidate.js";
import { compareCandidates, measureBaseline } from "./compare.js";
import type { JobContext } from "./context.js";
import { finetuneClassifier, finetuneDetector, namesLeukocytes } from "./learning.js";
import { finetunePainter, paintFields } from "./painting.js";
import { ProgressFile } from "./progressFile.js";
import { WorkClock } from "./workClock.js";

const beatMs = 1000;
const lossEveryMs = 500;

const tell = (message: ChildMessage): void => {
  if (process.connected) process.send?.(message);
};

/** Sends what is left and ends. */
const leave = (message: ChildMessage | undefined, code: number): void => {
  const end = (): void => process.exit(code);
  if (message && process.connected) {
    process.send?.(message, end);
    setTimeout(end, 2000).unref();
  } else end();
};

const planOf = async (folder: string): Promise<JobPlan> =>
  jobPlanSchema.parse(JSON.parse(await readFile(join(folder, "job.json"), "utf8")));

const learn = async (context: JobContext): Promise<readonly string[]> => {
  const { plan, progress } = context;
  const fields = await (await openDataset(plan.dataset)).fields("train");
  const classifies = plan.classifier !== undefined && namesLeukocytes(fields);
  const shares = timeShares(plan.minutes, {
    paints: plan.painter !== undefined && plan.paintedRatio > 0,
    classifies,
  });
  const learning: JobContext = classifies ? context : { ...context, plan: { ...plan, classifier: undefined } };
  await measureBaseline(learning);
  const work = [finetunePainter, paintFields, finetuneDetector, finetuneClassifier];
  for (const step of work) {
    await context.clock.turn();
    context.signal.throwIfAborted();
    await step(learning, shares);
  }
  const candidates = await placeCandidates(learning);
  await compareCandidates(learning, candidates);
  await progress.note({ workMs: context.clock.now() });
  return candidates;
};

const openContext = async (plan: JobPlan): Promise<{ context: JobContext; stop: AbortController }> => {
  const progress = await ProgressFile.open(plan.folder);
  const stop = new AbortController();
  const clock = new WorkClock(progress.value.workMs, () => tell({ kind: "resting" }));
  const place: { step: JobStep; done: number } = { step: "split", done: 0 };
  let toldMs = Number.NEGATIVE_INFINITY;
  const context: JobContext = {
    plan,
    progress,
    clock,
    engine: onnxruntimeEngine({ ...(plan.threads > 0 ? { intraOpThreads: plan.threads } : {}) }),
    signal: stop.signal,
    at: (step, done) => {
      const changed = step !== place.step;
      Object.assign(place, { step, done: Math.min(Math.max(done, 0), 1) });
      if (changed) context.remark(`step ${step}`);
      if (changed) tell({ kind: "beat", ...place, workMs: clock.now() });
    },
    loss: (step, losses) => {
      if (performance.now() - toldMs < lossEveryMs) return;
      toldMs = performance.now();
      tell({ kind: "loss", step, losses });
    },
    // Standard error is the job's log.
    remark: (text) => process.stderr.write(`${new Date().toISOString()} ${text}\n`),
  };
  setInterval(() => tell({ kind: "beat", ...place, workMs: clock.now() }), beatMs).unref();
  return { context, stop };
};

const main = async (folder: string): Promise<void> => {
  const plan = await planOf(folder);
  const { context, stop } = await openContext(plan);
  process.on("message", (value) => {
    const message = parentMessageSchema.safeParse(value);
    if (!message.success) return;
    if (message.data.kind === "rest") context.clock.rest();
    else if (message.data.kind === "go") context.clock.goOn();
    else {
      stop.abort();
      context.clock.goOn();
    }
  });
  try {
    leave({ kind: "finished", candidates: [...(await learn(context))] }, 0);
  } catch (error) {
    // Asked to end: its place is kept.
    if (stop.signal.aborted) return leave(undefined, 0);
    const { code, message, stack } = CytoError.from(error);
    process.stderr.write(`${stack ?? message}\n`);
    leave({ kind: "failed", code, message }, 1);
  }
};

// Whoever began the training is gone: nobody would hear of it. Nothing of it is worth a clean end.
process.once("disconnect", () => process.kill(process.pid, "SIGKILL"));
// Ctrl-C reaches all processes of a terminal; what becomes of the training is for the one that began it to say.
process.on("SIGINT", () => undefined);
if (process.argv[3] === "--yield") {
  try {
    setPriority(constants.priority.PRIORITY_LOW);
  } catch {
    // As it is, then.
  }
}
void main(process.argv[2]!);
