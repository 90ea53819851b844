import { createRandom } from "../core/index.js";
import type { Feed, ParameterState, TrainingProblem } from "../engine/index.js";
import type { Graph } from "../engine/onnx/index.js";
import { type Layers, type ParameterSet, type Weights, weightsOf } from "../networks/index.js";
import type { SamplerState } from "./datasets/index.js";
import { pacingOf, type TrainingRequest } from "./listener.js";
import { fingerprintOf, type Schedule, type StepSource, type TrainingOutcome, train } from "./trainer/index.js";
import { warmStart } from "./warmStart.js";

/** One network, one loss, one source of batches. */
export interface Fitting<Batch> {
  readonly request: TrainingRequest;
  readonly problem: TrainingProblem;
  readonly parameters: ParameterSet;
  readonly sampler: { next(): Batch; state(): SamplerState; restore(state: SamplerState): void };
  readonly feeds: (batch: Batch) => Readonly<Record<string, Feed>>;
  /** Declares the network alone over given layers; its inputs have the names of the feeds. */
  readonly forward: (graph: Graph, layers: Layers) => void;
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

/** The sampler stands afterwards where it stood before. */
const startFrom = async <Batch>(
  { request, parameters, sampler, forward, feeds }: Fitting<Batch>,
  from: string,
  fresh: ParameterState,
): Promise<ParameterState> => {
  const place = sampler.state();
  const nextFeeds = () => feeds(sampler.next());
  const start = await warmStart(from, parameters, fresh, { engine: request.engine, forward, nextFeeds });
  sampler.restore(place);
  return start;
};

/** Takes the steps of a training of one network: from nothing, from another's weights, or from its own checkpoint. */
export const fitNetwork = async <Batch>(fitting: Fitting<Batch>): Promise<Fitted> => {
  const { request, problem, parameters, sampler } = fitting;
  const source: StepSource = {
    next: () => [{ problem: problem.name, feeds: fitting.feeds(sampler.next()) }],
    state: () => sampler.state(),
    restore: (state) => sampler.restore(state as SamplerState),
  };
  const fresh = parameters.initialise(createRandom(request.seed));
  const start = request.from === undefined ? fresh : await startFrom(fitting, request.from, fresh);
  await using run = await request.engine.load([problem], { [parameters.name]: start });
  const outcome = await train({
    run,
    source,
    duration: request.duration,
    schedule: fitting.schedule,
    directory: request.out,
    fingerprint: fingerprintOf(fitting.identity),
    identity: fitting.identity,
    remark: request.listener.stage,
    engine: request.engine.name,
    resume: request.resume,
    preparationMs: performance.now() - fitting.beganMs,
    report: request.listener.step,
    ...pacingOf(request),
  });
  return { ...outcome, weights: weightsOf(parameters, (await run.readState())[parameters.name]!) };
};
