import { CytoError } from "../../core/index.js";
import type { Feed, ParameterState, StepResult, TrainingEngine, TrainingRun } from "../../engine/index.js";
import { type Checkpoint, checkpointPath, findCheckpoint, writeCheckpoint } from "./checkpoint.js";
import { averageDecayAt, type Duration, donePart, learningRateAt, type Schedule } from "./schedule.js";

/** An endless, seeded source of training steps whose place can be kept and found again. */
export interface StepSource {
  /** The moves of one step, in order: which problem, with which tensors. */
  next(): readonly { readonly problem: string; readonly feeds: Readonly<Record<string, Feed>> }[];
  /** JSON-serialisable. */
  state(): unknown;
  /** @throws CytoError CHECKPOINT_INVALID */
  restore(state: unknown): void;
}

export interface StepReport {
  /** Steps done, this one included. */
  readonly steps: number;
  /** Part of the training that is done, in [0, 1]. */
  readonly done: number;
  readonly elapsedMs: number;
  readonly stepMs: number;
  readonly learningRate: number;
  readonly losses: Readonly<Record<string, number>>;
  readonly gradientNorms: Readonly<Record<string, number>>;
}

/** When a training may take its next step, and what time it has worked. */
export interface Pacing {
  /** Milliseconds from an arbitrary origin, pauses not counted. */
  now(): number;
  /** Resolves when the next step may be taken. */
  turn(): Promise<void>;
}

export interface TrainingPlan {
  readonly run: TrainingRun;
  readonly source: StepSource;
  readonly duration: Duration;
  readonly schedule: Schedule;
  /** Folder of the checkpoint. */
  readonly directory: string;
  readonly checkpointEveryMs: number;
  readonly fingerprint: string;
  /** What the fingerprint is of; kept with the checkpoint, so that a resume that does not fit can say what differs. */
  readonly identity?: unknown;
  /** What takes the steps. A checkpoint belongs to any engine, but which one wrote it is kept in it. */
  readonly engine?: TrainingEngine["name"];
  /** Goes on from the checkpoint in `directory` where there is one. */
  readonly resume: boolean;
  /** Time spent before the first step that counts towards a duration in minutes. */
  readonly preparationMs?: number;
  readonly report: (report: StepReport) => void;
  /** Something that went otherwise than asked for, such as a damaged checkpoint that was passed over. */
  readonly remark?: (text: string) => void;
  /**
   * Looks at each step before it counts. While it says no, nothing is saved but at the end, so that a checkpoint holds a
   * state that was believed in. @throws CytoError TRAINING_DIVERGED to end the training; the checkpoint stays
   */
  readonly isSound?: (report: StepReport) => boolean;
  /** Called with the state after every so many steps; the training waits for it. */
  readonly visit?: {
    readonly everySteps: number;
    readonly look: (states: Readonly<Record<string, ParameterState>>, steps: number) => Promise<void>;
  };
  readonly signal?: AbortSignal;
  /** Default: at once, and the process' own time. */
  readonly pacing?: Pacing | undefined;
}

export interface TrainingOutcome {
  readonly steps: number;
  readonly elapsedMs: number;
  /** False where the signal stopped it; the checkpoint then holds the last step. */
  readonly finished: boolean;
}

const unpaced: Pacing = { now: () => performance.now(), turn: async () => undefined };

/**
 * Takes steps until the duration is over, with a checkpoint now and then and one at the end. The next batch is made
 * while a step runs in its thread.
 *
 * @throws CytoError TRAINING_DIVERGED (the checkpoint then holds the last finite state), CHECKPOINT_INVALID
 */
export const train = async (plan: TrainingPlan): Promise<TrainingOutcome> => {
  const path = checkpointPath(plan.directory);
  const { fingerprint, identity, engine, pacing = unpaced } = plan;
  const found = plan.resume ? await findCheckpoint(path, fingerprint, identity) : undefined;
  if (found?.passedOver !== undefined) plan.remark?.(`${found.passedOver}; the one before it is used`);
  const before = found?.checkpoint;
  if (before) {
    await plan.run.writeState(before.states);
    plan.source.restore(before.source);
    noteChange(plan, before);
  }
  let steps = before?.steps ?? 0;
  const startMs = pacing.now() - (before?.elapsedMs ?? 0) - (plan.preparationMs ?? 0);
  const elapsed = () => pacing.now() - startMs;
  let source = plan.source.state();
  const save = async () => {
    const states = await plan.run.readState();
    requireFinite(states);
    await writeCheckpoint(path, { fingerprint, identity, engine, steps, elapsedMs: elapsed(), source, states });
  };
  let savedMs = elapsed();
  let moves = plan.source.next();
  let done = donePart(plan.duration, steps, elapsed());
  while (done < 1 && !plan.signal?.aborted) {
    await pacing.turn();
    if (plan.signal?.aborted) break;
    const beganMs = performance.now();
    const rates = {
      learningRate: learningRateAt(plan.schedule, steps, done),
      averageDecay: averageDecayAt(plan.schedule, steps),
    };
    const taken = { moves: 0 };
    const pending = takeMoves(plan.run, moves, { ...rates, taken });
    // Handled below; here for the case that the source throws first.
    pending.catch(() => undefined);
    const following = plan.source.state();
    moves = plan.source.next();
    const result = await pending.catch(async (error: unknown) => {
      // What ended the training says more than why its checkpoint could not be written. A step of which one player has
      // moved already is no state to go on from.
      if (taken.moves === 0) await save().catch(() => undefined);
      throw CytoError.from(error);
    });
    source = following;
    steps += 1;
    done = donePart(plan.duration, steps, elapsed());
    const stepMs = performance.now() - beganMs;
    const report = { steps, done: Math.min(done, 1), elapsedMs: elapsed(), stepMs, ...result };
    const stepReport: StepReport = { ...report, learningRate: rates.learningRate };
    plan.report(stepReport);
    const sound = plan.isSound?.(stepReport) ?? true;
    if (plan.visit && steps % plan.visit.everySteps === 0 && done < 1)
      await plan.visit.look(await plan.run.readState(), steps);
    if (sound && elapsed() - savedMs > plan.checkpointEveryMs) {
      await save();
      savedMs = elapsed();
    }
  }
  await save();
  return { steps, elapsedMs: elapsed(), finished: done >= 1 };
};

/** A resumed training is the same bit for bit only by the engine that began it. */
const noteChange = ({ engine, remark }: TrainingPlan, { engine: earlier, steps }: Checkpoint): void => {
  if (engine === undefined || earlier === undefined || engine === earlier) return;
  remark?.(
    `step ${steps} was taken by ${earlier}, the next by ${engine}: from here on not bit for bit the same training`,
  );
};

/** Keeps a good checkpoint from being overwritten by a state that an update has taken out of the finite numbers. */
const requireFinite = (states: Readonly<Record<string, ParameterState>>): void => {
  for (const [name, { parameters, firstMoment, secondMoment, average, statistics }] of Object.entries(states)) {
    const vectors = { parameters, firstMoment, secondMoment, average, statistics };
    const broken = Object.entries(vectors).find(([, vector]) => !vector.every(Number.isFinite));
    if (broken) throw new CytoError("TRAINING_DIVERGED", `The ${broken[0]} of ${name} left the finite numbers`);
  }
};

const takeMoves = async (
  run: TrainingRun,
  moves: ReturnType<StepSource["next"]>,
  {
    taken,
    ...rates
  }: { readonly learningRate: number; readonly averageDecay: number; readonly taken: { moves: number } },
): Promise<Pick<StepResult, "losses" | "gradientNorms">> => {
  const losses: Record<string, number> = {};
  const gradientNorms: Record<string, number> = {};
  for (const move of moves) {
    const result = await run.step({ ...move, ...rates });
    Object.assign(losses, result.losses);
    Object.assign(gradientNorms, result.gradientNorms);
    taken.moves += 1;
  }
  return { losses, gradientNorms };
};
