import type { Player, TrainingProblem } from "../contract.js";
import { gradients } from "./autodiff.js";
import type { Graph, Value } from "./graph.js";
import { Operators } from "./operators.js";
import { serialise } from "./serialise.js";

/** Names of the graph inputs and outputs that carry one parameter set's state through a step. */
export const stateNames = (set: string) => ({
  firstMoment: `${set}.firstMoment`,
  secondMoment: `${set}.secondMoment`,
  average: `${set}.average`,
  statistics: `${set}.statistics`,
  /** [1 - beta1^t, 1 - beta2^t], float32 [2] */
  corrections: `${set}.corrections`,
  gradientNorm: `${set}.gradientNorm`,
});

/** Suffix of an output that replaces the input of the same name in the next step. */
export const nextSuffix = ".next";

export const learningRateInput = "learningRate";
export const averageDecayInput = "averageDecay";

/**
 * A whole training step as one ONNX model: forward, backward, clipping, Adam, moving averages. State goes in by name
 * and comes out with `.next` behind it. The problem's graph is left as it was.
 */
export const compileStep = (problem: TrainingProblem): Uint8Array<ArrayBuffer> =>
  problem.graph.temporarily(() => serialise(withStep(problem)));

const withStep = (problem: TrainingProblem): Graph => {
  const { graph } = problem;
  const learningRate = graph.input(learningRateInput, "float32", []);
  const averageDecay = graph.input(averageDecayInput, "float32", []);
  const wanted = problem.players.map((player) => gradients(graph, player.loss, [player.parameters.input])[0]!);
  problem.players.forEach((player, index) => {
    addOptimiser(graph, { player, gradient: wanted[index]!, learningRate, averageDecay });
  });
  for (const [name, value] of Object.entries(problem.losses)) graph.output(`loss.${name}`, value);
  for (const [name, value] of Object.entries(problem.observations ?? {})) graph.output(`observation.${name}`, value);
  return graph;
};

interface OptimiserOperands {
  readonly player: Player;
  readonly gradient: Value;
  readonly learningRate: Value;
  readonly averageDecay: Value;
}

/** Adam with decoupled weight decay (Kingma & Ba 2015; Loshchilov & Hutter 2019), on the flat vector. */
const addOptimiser = (graph: Graph, { player, gradient, learningRate, averageDecay }: OptimiserOperands): void => {
  const ops = new Operators(graph);
  const { parameters: set, optimiser } = player;
  const names = stateNames(set.name);
  const vector = (name: string) => graph.input(name, "float32", [set.length]);
  const [first, second, average] = [vector(names.firstMoment), vector(names.secondMoment), vector(names.average)];
  const corrections = graph.input(names.corrections, "float32", [2]);
  const correction = (index: number) => ops.slice(corrections, [{ axis: 0, start: index, end: index + 1 }]);

  const norm = ops.sqrt(ops.reduceSum(ops.mul(gradient, gradient), [0], false));
  const bounded = Number.isFinite(optimiser.clipNorm)
    ? ops.mul(gradient, ops.min(graph.scalar(1), ops.div(graph.scalar(optimiser.clipNorm), ops.shift(norm, 1e-6))))
    : gradient;
  const blend = (old: Value, fresh: Value, decay: number) =>
    ops.add(ops.scale(old, decay), ops.scale(fresh, 1 - decay));
  const nextFirst = blend(first, bounded, optimiser.beta1);
  const nextSecond = blend(second, ops.mul(bounded, bounded), optimiser.beta2);
  const root = ops.shift(ops.sqrt(ops.div(nextSecond, correction(1))), optimiser.epsilon);
  const direction = ops.div(ops.div(nextFirst, correction(0)), root);
  const decayed =
    optimiser.weightDecay === 0
      ? direction
      : ops.add(direction, ops.mul(set.input, graph.constant(decayVector(player), [set.length], "decay")));
  const rate = (player.ratePart ?? 1) === 1 ? learningRate : ops.scale(learningRate, player.ratePart!);
  const next = ops.sub(set.input, ops.mul(decayed, rate));

  const follow = (old: Value, fresh: Value) => ops.add(fresh, ops.mul(averageDecay, ops.sub(old, fresh)));
  graph.output(set.input.name + nextSuffix, next);
  graph.output(names.firstMoment + nextSuffix, nextFirst);
  graph.output(names.secondMoment + nextSuffix, nextSecond);
  graph.output(names.average + nextSuffix, follow(average, next));
  graph.output(names.gradientNorm, norm);
  if (set.statisticsLength > 0) {
    const statistics = graph.input(names.statistics, "float32", [set.statisticsLength]);
    const batch = ops.concat(
      set.statistics.map((entry) => entry.value),
      0,
    );
    graph.output(names.statistics + nextSuffix, follow(statistics, batch));
  }
};

const decayVector = ({ parameters, optimiser }: Player): Float32Array => {
  const decay = new Float32Array(parameters.length);
  for (const entry of parameters.entries) {
    if (entry.decays) decay.fill(optimiser.weightDecay, entry.offset, entry.offset + entry.length);
  }
  return decay;
};
