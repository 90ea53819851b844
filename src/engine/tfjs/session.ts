import type { Tensor, Tensor1D } from "@tensorflow/tfjs-core";
import { CytoError } from "../../core/index.js";
import type { ParameterState, StepRequest, StepResult } from "../contract.js";
import type { HeldTraining } from "../thread/serveSteps.js";
import { Constants, tensorOf } from "./constants.js";
import { type PlayerPass, passesOf, takePass } from "./gradients.js";
import type { TensorFlow } from "./library.js";
import { operatorOf } from "./operators.js";
import { follow, moveParameters, normOf } from "./optimiser.js";
import type { Program, ProgramPlayer } from "./program.js";
import type { Values } from "./values.js";

const vectors = ["parameters", "firstMoment", "secondMoment", "average", "statistics"] as const;
type Vectors = { readonly [Name in (typeof vectors)[number]]: Tensor1D };

interface SetState {
  readonly vectors: Vectors;
  readonly steps: number;
}

interface LoadedProgram {
  readonly program: Program;
  readonly constants: Constants;
  readonly passes: readonly PlayerPass[];
  /** Weight decay by parameter, by set. */
  readonly decays: ReadonlyMap<string, Tensor1D>;
}

/** Steps of training problems by TensorFlow's operators and its own differentiation. State lives in tensors. */
export class TensorFlowSession implements HeldTraining {
  readonly #tf: TensorFlow;
  readonly #programs = new Map<string, LoadedProgram>();
  readonly #states = new Map<string, SetState>();

  /** @throws CytoError INTERNAL where a program has an operator without counterpart */
  constructor(tf: TensorFlow, programs: readonly Program[]) {
    this.#tf = tf;
    for (const program of programs) for (const instruction of program.instructions) operatorOf(instruction);
    for (const program of programs) this.#programs.set(program.name, this.#load(program));
  }

  step(request: StepRequest): StepResult {
    const loaded = this.#programs.get(request.problem);
    if (!loaded) throw new CytoError("INTERNAL", `No training problem ${request.problem}`);
    let result: StepResult | undefined;
    this.#tf.tidy(() => {
      result = this.#take(loaded, request);
    });
    return result!;
  }

  read(): Record<string, ParameterState> {
    return Object.fromEntries(
      [...this.#states].map(([set, state]) => {
        const data = vectors.map((name) => [name, state.vectors[name].dataSync().slice()]);
        return [set, { ...Object.fromEntries(data), steps: state.steps } as ParameterState];
      }),
    );
  }

  write(states: Readonly<Record<string, ParameterState>>): void {
    for (const [set, state] of Object.entries(states)) {
      const tensors = vectors.map((name) => [name, this.#tf.tensor1d(state[name].slice(), "float32")]);
      this.#replace(set, { vectors: Object.fromEntries(tensors) as Vectors, steps: state.steps });
    }
  }

  close(): void {
    for (const { vectors: state } of this.#states.values()) for (const name of vectors) state[name].dispose();
    for (const { constants, decays } of this.#programs.values()) {
      constants.dispose();
      for (const decay of decays.values()) decay.dispose();
    }
    this.#states.clear();
    this.#programs.clear();
  }

  #load(program: Program): LoadedProgram {
    const decays = new Map<string, Tensor1D>();
    for (const player of program.players) {
      if (player.optimiser.weightDecay !== 0) decays.set(player.set, this.#tf.keep(decayOf(this.#tf, program, player)));
    }
    return { program, constants: new Constants(this.#tf, program.constants), passes: passesOf(program), decays };
  }

  #take({ program, constants, passes, decays }: LoadedProgram, request: StepRequest): StepResult {
    const tf = this.#tf;
    const feeds = feedTensors(tf, program, request);
    const parameters = new Map(program.sets.map(({ name }) => [name, this.#state(name).vectors.parameters]));
    const inputs = { tf, constants, feeds, parameters, sets: program.sets };
    const moved = new Map(program.players.map(({ set }) => [set, program.sets.find(({ name }) => name === set)!]));
    let [losses, observations]: [Record<string, number>, Record<string, Float32Array>] = [{}, {}];
    const statistics = new Map<string, Tensor1D>();
    const gradients = passes.map((pass, index) =>
      takePass(pass, inputs, (values) => {
        if (index > 0) return;
        losses = mapped(program.losses, (name) => dataOf(values, name)[0]!);
        observations = mapped(program.observations, (name) => dataOf(values, name).slice());
        for (const [name, set] of moved) {
          if (set.statistics.length > 0) statistics.set(name, joinedStatistics(tf, values, set.statistics));
        }
      }),
    );
    const norms = program.players.map(({ set }, index) => [set, normOf(tf, gradients[index]!).dataSync()[0]!] as const);
    const gradientNorms = Object.fromEntries(norms);
    requireFinite(losses, gradientNorms);
    const next = program.players.map((player, index) =>
      this.#moved(player, {
        gradient: gradients[index]!,
        decay: decays.get(player.set),
        statistics: statistics.get(player.set),
        request,
      }),
    );
    program.players.forEach(({ set }, index) => {
      this.#replace(set, next[index]!);
    });
    return { losses, gradientNorms, observations };
  }

  #moved(
    { set, optimiser, ratePart }: ProgramPlayer,
    update: {
      readonly gradient: Tensor1D;
      readonly decay: Tensor1D | undefined;
      readonly statistics: Tensor1D | undefined;
      readonly request: StepRequest;
    },
  ): SetState {
    const tf = this.#tf;
    const { vectors: old, steps } = this.#state(set);
    const { gradient, decay, request } = update;
    const learningRate = request.learningRate * ratePart;
    const moments = moveParameters(tf, old, { optimiser, gradient, learningRate, step: steps + 1, decay });
    const average = follow(tf, old.average, moments.parameters, request.averageDecay);
    const statistics = update.statistics
      ? follow(tf, old.statistics, update.statistics, request.averageDecay)
      : old.statistics.clone();
    return { vectors: { ...moments, average, statistics }, steps: steps + 1 };
  }

  #replace(set: string, state: SetState): void {
    const before = this.#states.get(set);
    for (const name of vectors) this.#tf.keep(state.vectors[name]);
    this.#states.set(set, state);
    if (before) for (const name of vectors) before.vectors[name].dispose();
  }

  #state(set: string): SetState {
    const state = this.#states.get(set);
    if (!state) throw new CytoError("INTERNAL", `No state for the parameter set ${set}`);
    return state;
  }
}

const mapped = <Result>(
  names: Readonly<Record<string, string>>,
  read: (name: string) => Result,
): Record<string, Result> => Object.fromEntries(Object.entries(names).map(([key, name]) => [key, read(name)]));

const dataOf = (values: Values, name: string): Float32Array => values.get(name).plain().dataSync<"float32">();

const joinedStatistics = (tf: TensorFlow, values: Values, names: readonly string[]): Tensor1D =>
  tf.concat(names.map((name) => values.get(name).plain() as Tensor1D));

const decayOf = (tf: TensorFlow, { sets }: Program, { set, optimiser }: ProgramPlayer): Tensor1D => {
  const { length, decaying } = sets.find(({ name }) => name === set)!;
  const decay = new Float32Array(length);
  for (const { offset, length: count } of decaying) decay.fill(optimiser.weightDecay, offset, offset + count);
  return tf.tensor1d(decay, "float32");
};

/** @throws CytoError INTERNAL where a feed is missing, unknown or of another shape */
const feedTensors = (tf: TensorFlow, program: Program, { feeds }: StepRequest): Map<string, Tensor> => {
  const unknown = Object.keys(feeds).find((name) => !program.feeds.some((feed) => feed.name === name));
  if (unknown !== undefined) throw new CytoError("INTERNAL", `${program.name} has no input ${unknown}`);
  return new Map(
    program.feeds.map(({ name, shape }) => {
      const feed = feeds[name];
      if (feed?.shape.join() !== shape.join()) {
        const given = feed ? `[${feed.shape.join(",")}]` : "nothing";
        throw new CytoError("INTERNAL", `The input ${name} [${shape.join(",")}] was given ${given}`);
      }
      return [name, tensorOf(tf, feed.type, feed)];
    }),
  );
};

/** @throws CytoError TRAINING_DIVERGED */
const requireFinite = (
  losses: Readonly<Record<string, number>>,
  gradientNorms: Readonly<Record<string, number>>,
): void => {
  const broken = Object.entries({ ...losses, ...gradientNorms }).find(([, value]) => !Number.isFinite(value));
  if (!broken) return;
  throw new CytoError("TRAINING_DIVERGED", `${broken[0]} became ${broken[1]}`, { context: { losses, gradientNorms } });
};
