import type { AdamOptions, Feed, ParameterSetDefinition, TrainingProblem } from "../../src/engine/index.js";
import { Graph, Operators } from "../../src/engine/onnx/index.js";
import { ParameterSet } from "../../src/networks/index.js";

export const plainAdam: AdamOptions = {
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0,
  clipNorm: Number.POSITIVE_INFINITY,
};

export interface Regression {
  readonly problem: TrainingProblem;
  readonly parameters: ParameterSet;
}

export const samples = 4;
export const features = 3;

/**
 * Least squares with a gradient that is known on paper: mean((x w + b - y)^2) over x [4,3], y [4,1]. The weights decay,
 * the bias does not; the batch's mean of x stands for a normalisation's statistics.
 */
export const regression = (name: string, optimiser: AdamOptions, set = "line"): Regression => {
  const graph = new Graph(name);
  const ops = new Operators(graph);
  const parameters = new ParameterSet(graph, set);
  const x = graph.input("x", "float32", [samples, features]);
  const y = graph.input("y", "float32", [samples, 1]);
  const weight = parameters.parameter("weight", [features, 1], { kind: "normal", deviation: 1 }, true);
  const bias = parameters.parameter("bias", [1], { kind: "constant", value: 0.5 }, false);
  parameters.statistic("x.mean", ops.reduceMean(x, [0], false));
  const error = ops.sub(ops.add(ops.matMul(x, weight), bias), y);
  const loss = ops.reduceMean(ops.mul(error, error), [0, 1], false);
  const problem: TrainingProblem = {
    name,
    graph,
    parameterSets: [parameters],
    players: [{ parameters, loss, optimiser }],
    losses: { loss },
    observations: { error },
  };
  return { problem, parameters };
};

export const float32 = (shape: readonly number[], data: Float32Array): Feed => ({ type: "float32", shape, data });

export const regressionFeeds = (x: Float32Array, y: Float32Array): Readonly<Record<string, Feed>> => ({
  x: float32([samples, features], x),
  y: float32([samples, 1], y),
});

export interface Adam64 {
  readonly parameters: Float64Array;
  readonly firstMoment: Float64Array;
  readonly secondMoment: Float64Array;
  readonly average: Float64Array;
  steps: number;
}

/** Adam with decoupled weight decay and clipping by the global norm, in float64 and written apart from the graph's. */
export const adamStep = (
  state: Adam64,
  gradient: ArrayLike<number>,
  optimiser: AdamOptions,
  rates: {
    readonly learningRate: number;
    readonly averageDecay: number;
    readonly entries: ParameterSetDefinition["entries"];
  },
): number => {
  const { beta1, beta2, epsilon, weightDecay, clipNorm } = optimiser;
  const norm = Math.sqrt(Array.from(gradient).reduce((sum, g) => sum + g * g, 0));
  const clip = Number.isFinite(clipNorm) ? Math.min(1, clipNorm / (norm + 1e-6)) : 1;
  state.steps += 1;
  for (const { offset, length, decays } of rates.entries) {
    for (let at = offset; at < offset + length; at += 1) {
      const g = gradient[at]! * clip;
      state.firstMoment[at] = beta1 * state.firstMoment[at]! + (1 - beta1) * g;
      state.secondMoment[at] = beta2 * state.secondMoment[at]! + (1 - beta2) * g * g;
      const mean = state.firstMoment[at]! / (1 - beta1 ** state.steps);
      const square = state.secondMoment[at]! / (1 - beta2 ** state.steps);
      const decay = decays ? weightDecay * state.parameters[at]! : 0;
      state.parameters[at]! -= rates.learningRate * (mean / (Math.sqrt(square) + epsilon) + decay);
      state.average[at] = rates.averageDecay * state.average[at]! + (1 - rates.averageDecay) * state.parameters[at]!;
    }
  }
  return norm;
};

export const startAdam64 = (parameters: Float32Array): Adam64 => ({
  parameters: Float64Array.from(parameters),
  firstMoment: new Float64Array(parameters.length),
  secondMoment: new Float64Array(parameters.length),
  average: Float64Array.from(parameters),
  steps: 0,
});
