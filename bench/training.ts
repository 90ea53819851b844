import { createRandom } from "../src/core/index.js";
import { type Feed, onnxruntimeEngine, type TrainingProblem, type TrainingRun } from "../src/engine/index.js";
import { Graph, gradients, Operators, type Value } from "../src/engine/onnx/index.js";
import { defaultUNet } from "../src/networks/index.js";
import { detectorProblem, detectorProblemName } from "../src/training/detector/problem.js";
import { defaultDetectorSettings } from "../src/training/detector/settings.js";
import { defaultDetectionLoss } from "../src/training/losses/detection.js";
import { flopOf } from "./flop.js";
import { PyTorchStep } from "./pyTorch.js";
import { median } from "./statistics.js";

export interface TrainingSpeed {
  /** Rate of the training step's convolutions and matrix products over the matrix-product peak. */
  readonly trainingPeakShare: number;
  readonly stepMs: number;
  readonly stepGflop: number;
  readonly stepGflopPerSecond: number;
  readonly peakGflopPerSecond: number;
  /** PyTorch's time for the same step over ours; undefined where Python has no torch. */
  readonly overPyTorch?: number;
  readonly pyTorchMs?: number;
}

const matrixSide = 1024;
const products = 6;

/** Products of square matrices, one after the other: what the machine can do at best. */
export const peakProblem = (): { problem: TrainingProblem; feeds: Record<string, Feed>; flop: number } => {
  const graph = new Graph("peak");
  const ops = new Operators(graph);
  const shape = [matrixSide, matrixSide] as const;
  let x: Value = graph.input("left", "float32", shape);
  const right = graph.input("right", "float32", shape);
  for (let index = 0; index < products; index += 1) x = ops.matMul(x, right);
  const sum = ops.reduceSum(x, [0, 1], false);
  const random = createRandom(3);
  const data = () => Float32Array.from({ length: matrixSide ** 2 }, () => random.normal() / Math.sqrt(matrixSide));
  const feed = (): Feed => ({ type: "float32", shape, data: data() });
  const problem = { name: "peak", graph, parameterSets: [], players: [], losses: { sum } };
  return { problem, feeds: { left: feed(), right: feed() }, flop: products * 2 * matrixSide ** 3 };
};

const { batch, canvasPx, optimiser } = defaultDetectorSettings;

/** Noise for whatever a problem's graph asks for. */
export const noiseFor = ({ graph, parameterSets }: TrainingProblem): Record<string, Feed> => {
  const random = createRandom(4);
  const sets = new Set(parameterSets.map(({ input }) => input));
  return Object.fromEntries(
    graph.inputs
      .filter((input) => !sets.has(input))
      .map(({ name, type, shape }): [string, Feed] => {
        const known = shape.map(Number);
        const length = known.reduce((product, dim) => product * dim, 1);
        const data =
          type === "uint8"
            ? Uint8Array.from({ length }, () => random.int(256))
            : Float32Array.from({ length }, () => random.next());
        return [name, { type, shape: known, data }];
      }),
  );
};

/** The detector's training step and one batch of noise for it. */
export const stepProblem = () => {
  const options = { batch, canvasPx, network: defaultUNet, loss: defaultDetectionLoss, optimiser };
  const { problem, parameters } = detectorProblem(options);
  return { problem, parameters, feeds: noiseFor(problem) };
};

/** Arithmetic of forward and backward pass: the graph with its gradients, which are taken out again. */
export const stepFlopOf = ({ graph, players }: TrainingProblem): number =>
  graph.temporarily(() => {
    for (const { loss, parameters } of players) gradients(graph, loss, [parameters.input]);
    return flopOf(graph);
  });

export const timed = async (run: TrainingRun, problem: string, feeds: Record<string, Feed>): Promise<number> => {
  const start = performance.now();
  await run.step({ problem, feeds, learningRate: 1e-4, averageDecay: 0.9 });
  return performance.now() - start;
};

/** The training step against the machine's matrix-product peak, in turn within one run. */
export const measureTraining = async ({
  rounds,
  pytorch,
}: {
  rounds: number;
  pytorch: boolean;
}): Promise<TrainingSpeed> => {
  const peak = peakProblem();
  const step = stepProblem();
  const initial = { [step.parameters.name]: step.parameters.initialise(createRandom(1)) };
  await using run = await onnxruntimeEngine().load([peak.problem, step.problem], initial);
  const stepFlop = stepFlopOf(step.problem);
  await timed(run, "peak", peak.feeds);
  for (let index = 0; index < 2; index += 1) await timed(run, detectorProblemName, step.feeds);
  await using theirs = pytorch ? await PyTorchStep.start(batch, canvasPx) : undefined;
  const [peakMs, stepMs, theirMs]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < rounds; round += 1) {
    peakMs.push(await timed(run, "peak", peak.feeds));
    stepMs.push(await timed(run, detectorProblemName, step.feeds));
    if (theirs) theirMs.push(await theirs.step());
  }
  const shares = stepMs.map((ms, index) => stepFlop / ms / (peak.flop / peakMs[index]!));
  const ours = median(stepMs);
  return {
    trainingPeakShare: median(shares),
    stepMs: ours,
    stepGflop: stepFlop / 1e9,
    stepGflopPerSecond: stepFlop / ours / 1e6,
    peakGflopPerSecond: peak.flop / median(peakMs) / 1e6,
    ...(theirs === undefined
      ? {}
      : { overPyTorch: median(theirMs.map((ms, index) => ms / stepMs[index]!)), pyTorchMs: median(theirMs) }),
  };
};

/** Takes training steps without end. */
export const stepForEver = async (onFirst: () => void): Promise<never> => {
  const { problem, parameters, feeds } = stepProblem();
  const initial = { [parameters.name]: parameters.initialise(createRandom(1)) };
  const run = await onnxruntimeEngine().load([problem], initial);
  await timed(run, detectorProblemName, feeds);
  onFirst();
  for (;;) await timed(run, detectorProblemName, feeds);
};
