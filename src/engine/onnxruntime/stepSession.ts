import * as ort from "onnxruntime-node";
import { CytoError } from "../../core/index.js";
import type { Feed, ParameterState, StepRequest, StepResult } from "../contract.js";
import { averageDecayInput, learningRateInput, nextSuffix, stateNames } from "../onnx/compileStep.js";

/** What the session of one problem needs to know; plain data, so that it can be posted to a worker. */
export interface CompiledProblem {
  readonly name: string;
  readonly model: Uint8Array;
  /** Parameter sets that move, with the optimiser's betas. */
  readonly players: readonly { readonly set: string; readonly beta1: number; readonly beta2: number }[];
  /** Parameter sets that the graph reads. */
  readonly sets: readonly string[];
  readonly losses: readonly string[];
  readonly observations: readonly string[];
}

export interface SessionOptions {
  readonly executionProviders: readonly string[];
  readonly intraOpThreads: number;
}

/** What the worker thread is started with. */
export interface StepWorkerData {
  readonly problems: readonly CompiledProblem[];
  readonly options: SessionOptions;
  readonly initial: Readonly<Record<string, ParameterState>>;
}

interface SetState {
  parameters: ort.Tensor;
  firstMoment: ort.Tensor;
  secondMoment: ort.Tensor;
  average: ort.Tensor;
  statistics: ort.Tensor;
  steps: number;
}

const vector = (data: Float32Array): ort.Tensor => new ort.Tensor("float32", data, [data.length]);
const scalar = (value: number): ort.Tensor => new ort.Tensor("float32", Float32Array.of(value), []);

/** Runs compiled steps and keeps the state between them. Lives in a worker thread: `run` blocks its thread. */
export class StepSession {
  readonly #sessions = new Map<string, { problem: CompiledProblem; session: ort.InferenceSession }>();
  readonly #states = new Map<string, SetState>();

  /** @throws CytoError PROVIDER_UNAVAILABLE where providers other than the CPU are asked for and none takes the step */
  static async open(problems: readonly CompiledProblem[], options: SessionOptions): Promise<StepSession> {
    const opened = new StepSession();
    for (const problem of problems) {
      const session = await ort.InferenceSession.create(problem.model, {
        executionProviders: [...options.executionProviders],
        intraOpNumThreads: options.intraOpThreads,
        executionMode: "sequential",
        graphOptimizationLevel: "all",
      }).catch((error: unknown) => {
        const others = options.executionProviders.some((provider) => provider !== "cpu");
        throw CytoError.from(error, others ? "PROVIDER_UNAVAILABLE" : "INTERNAL");
      });
      opened.#sessions.set(problem.name, { problem, session });
    }
    return opened;
  }

  async step(request: StepRequest): Promise<StepResult> {
    const entry = this.#sessions.get(request.problem);
    if (!entry) throw new CytoError("INTERNAL", `No training problem ${request.problem}`);
    const { problem, session } = entry;
    const outputs = await session.run(this.#feeds(problem, session, request));
    const read = (prefix: string, names: readonly string[]): Record<string, number> =>
      Object.fromEntries(names.map((name) => [name, Number((outputs[prefix + name]!.data as Float32Array)[0])]));
    const losses = read("loss.", problem.losses);
    const gradientNorms = Object.fromEntries(
      problem.players.map(({ set }) => [set, Number((outputs[stateNames(set).gradientNorm]!.data as Float32Array)[0])]),
    );
    const broken = Object.entries({ ...losses, ...gradientNorms }).find(([, value]) => !Number.isFinite(value));
    if (broken) {
      throw new CytoError("TRAINING_DIVERGED", `${broken[0]} became ${broken[1]}`, {
        context: { losses, gradientNorms },
      });
    }
    for (const { set } of problem.players) this.#advance(set, outputs);
    const observations = Object.fromEntries(
      problem.observations.map((name) => [name, outputs[`observation.${name}`]!.data as Float32Array]),
    );
    return { losses, gradientNorms, observations };
  }

  read(): Record<string, ParameterState> {
    const data = (tensor: ort.Tensor): Float32Array => (tensor.data as Float32Array).slice();
    return Object.fromEntries(
      [...this.#states].map(([set, state]) => [
        set,
        {
          parameters: data(state.parameters),
          firstMoment: data(state.firstMoment),
          secondMoment: data(state.secondMoment),
          average: data(state.average),
          statistics: data(state.statistics),
          steps: state.steps,
        },
      ]),
    );
  }

  write(states: Readonly<Record<string, ParameterState>>): void {
    for (const [set, state] of Object.entries(states)) {
      this.#states.set(set, {
        parameters: vector(state.parameters),
        firstMoment: vector(state.firstMoment),
        secondMoment: vector(state.secondMoment),
        average: vector(state.average),
        statistics: vector(state.statistics),
        steps: state.steps,
      });
    }
  }

  async close(): Promise<void> {
    for (const { session } of this.#sessions.values()) await session.release();
    this.#sessions.clear();
  }

  #feeds(problem: CompiledProblem, session: ort.InferenceSession, request: StepRequest): Record<string, ort.Tensor> {
    const feeds: Record<string, ort.Tensor> = {
      [learningRateInput]: scalar(request.learningRate),
      [averageDecayInput]: scalar(request.averageDecay),
    };
    for (const [name, feed] of Object.entries(request.feeds)) feeds[name] = toTensor(feed);
    for (const set of problem.sets) feeds[set] = this.#state(set).parameters;
    for (const { set, beta1, beta2 } of problem.players) {
      const [state, names] = [this.#state(set), stateNames(set)];
      const next = state.steps + 1;
      const corrections = Float32Array.of(1 - beta1 ** next, 1 - beta2 ** next);
      feeds[names.firstMoment] = state.firstMoment;
      feeds[names.secondMoment] = state.secondMoment;
      feeds[names.average] = state.average;
      feeds[names.corrections] = vector(corrections);
      if (session.inputNames.includes(names.statistics)) feeds[names.statistics] = state.statistics;
    }
    return feeds;
  }

  #advance(set: string, outputs: ort.InferenceSession.OnnxValueMapType): void {
    const [state, names] = [this.#state(set), stateNames(set)];
    const next = (name: string, old: ort.Tensor): ort.Tensor =>
      (outputs[name + nextSuffix] as ort.Tensor | undefined) ?? old;
    state.parameters = next(set, state.parameters);
    state.firstMoment = next(names.firstMoment, state.firstMoment);
    state.secondMoment = next(names.secondMoment, state.secondMoment);
    state.average = next(names.average, state.average);
    state.statistics = next(names.statistics, state.statistics);
    state.steps += 1;
  }

  #state(set: string): SetState {
    const state = this.#states.get(set);
    if (!state) throw new CytoError("INTERNAL", `No state for the parameter set ${set}`);
    return state;
  }
}

const toTensor = (feed: Feed): ort.Tensor => {
  if (feed.data instanceof Float32Array) return new ort.Tensor("float32", feed.data, feed.shape);
  if (feed.data instanceof Uint8Array) return new ort.Tensor("uint8", feed.data, feed.shape);
  return new ort.Tensor("int32", feed.data, feed.shape);
};
