import { createRandom } from "../core/index.js";
import type { Feed, TrainingProblem } from "../engine/index.js";
import { type ParameterSet, type Weights, weightsOf } from "../networks/index.js";
import type { SamplerState } from "./datasets/index.js";
import type { TrainingRequest } from "./listener.js";
import { fingerprintOf, type Schedule, type StepSource, type TrainingOutcome, train } from "./trainer/index.js";
import { warmStart } from "./warmStart.js";

/** One network, one loss, one source of batches. */
export interface Fitting<Batch> {
  readonly request: TrainingRequest;
  readonly problem: TrainingProblem;
  readonly parameters: ParameterSet;
  readonly sampler: { next(): Batch; state(): SamplerState; restore(state: SamplerState): void };
  readonly feeds: (batch: Batch) => Readonly<Record<string, Feed>>;
  readonly schedule: Schedule;
  /** What decides the course of the training: a checkpoint fits only an equal one. */
  readonly identity: unknown;
  /** `performance.now()` when the command began. */
  readonly beganMs: number;
}

export interface Fitted extends TrainingOutcome {
  /** The averaged weights. */
  readonly weights: Weights;
}

const checkpointEveryMs = 60_000;

/** Takes the steps of a training of one network: from nothing, from another's weights, or from its own checkpoint. */
export const fitNetwork = async <Batch>(fitting: Fitting<Batch>): Promise<Fitted> => {
  const { request, problem, parameters, sampler } = fitting;
  const source: StepSource = {
    next: () => [{ problem: problem.name, feeds: fitting.feeds(sampler.next()) }],
    state: () => sampler.state(),
    restore: (state) => sampler.restore(state as SamplerState),
  };
  const fresh = parameters.initialise(createRandom(request.seed));
  const start = request.from === undefined ? fresh : await warmStart(request.from, parameters, fresh);
  await using run = await request.engine.load([problem], { [parameters.name]: start });
  const outcome = await train({
    run,
    source,
    duration: request.duration,
    schedule: fitting.schedule,
    directory: request.out,
    checkpointEveryMs,
    fingerprint: fingerprintOf(fitting.identity),
    identity: fitting.identity,
    remark: request.listener.stage,
    resume: request.resume,
    preparationMs: performance.now() - fitting.beganMs,
    report: request.listener.step,
    ...(request.signal ? { signal: request.signal } : {}),
  });
  return { ...outcome, weights: weightsOf(parameters, (await run.readState())[parameters.name]!) };
};
