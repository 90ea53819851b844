import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRandom } from "../../src/core/index.js";
import { onnxruntimeEngine, type TrainingRun } from "../../src/engine/index.js";
import { gradients, Operators, serialise } from "../../src/engine/onnx/index.js";
import { type OpenGraph, openModel, relativeError, type Tensors, tensor } from "../engine/onnx/runGraph.js";
import { adamStep, startAdam64 } from "../engine/regression.js";
import { initialOf, optimiser, type Trained, trained } from "./smallNetworks.js";

const random = createRandom(33);

/** Loss, its gradient by the flat vector, and the batch's statistics. */
const gradientModel = ({ problem, parameters }: Trained): Uint8Array =>
  problem.graph.temporarily(() => {
    const [gradient] = gradients(problem.graph, problem.players[0]!.loss, [parameters.input]);
    const statistics = new Operators(problem.graph).concat(
      parameters.statistics.map(({ value }) => value),
      0,
    );
    problem.graph.output("gradient", gradient!);
    problem.graph.output("loss", problem.players[0]!.loss);
    problem.graph.output("statistics", statistics);
    return serialise(problem.graph);
  });

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, value, index) => sum + value * b[index]!, 0);

describe.each(Object.keys(trained))("%s, the whole of it", (name) => {
  const entry = trained[name]!;
  const set = entry.parameters.name;
  const initial = initialOf(entry);
  let opened: OpenGraph;
  let run: TrainingRun;
  beforeAll(async () => {
    opened = await openModel(gradientModel(entry));
    run = await onnxruntimeEngine({ intraOpThreads: 1 }).load([entry.problem], { [set]: initial });
  });
  afterAll(async () => {
    await opened[Symbol.asyncDispose]();
    await run[Symbol.asyncDispose]();
  });

  const at = async (parameters: Float32Array): Promise<Tensors> => {
    const feeds = Object.entries(entry.feeds).map(([input, { shape, data }]) => [
      input,
      { dims: shape, data: data as Float32Array | Uint8Array },
    ]);
    return opened.run({ ...Object.fromEntries(feeds), [set]: tensor([parameters.length], parameters) });
  };

  /**
   * Central differences over steps of length 0.00025 along the gradient and along random directions tilted towards it. The
   * loss is a float32 and has kinks (rectifiers, maxima), so 0.5 % of the gradient's norm is allowed.
   */
  it("has the gradient that finite differences have", async () => {
    const start = initial.parameters;
    const gradient = (await at(start)).gradient!.data;
    const norm = Math.sqrt(dot(gradient, gradient));
    for (let trial = 0; trial < 6; trial += 1) {
      const noise = Float32Array.from(start, () => random.normal());
      const size = Math.sqrt(dot(noise, noise));
      const mixed = Array.from(noise, (value, index) => (trial * value) / size + gradient[index]! / norm);
      const length = Math.sqrt(dot(mixed, mixed));
      const direction = mixed.map((value) => value / length);
      const moved = (by: number) => start.map((value, index) => value + by * direction[index]!);
      const step = 0.00025;
      const [ahead, behind] = [await at(moved(step)), await at(moved(-step))];
      const slope = (ahead.loss!.data[0]! - behind.loss!.data[0]!) / (2 * step);
      expect(Math.abs(slope - dot(gradient, direction))).toBeLessThan(0.005 * norm);
    }
  });

  it("takes the step of AdamW that float64 takes, with its statistics and moving average", async () => {
    await run.writeState({ [set]: initial });
    const before = await at(initial.parameters);
    const rates = { learningRate: 0.003, averageDecay: 0.7 };
    const result = await run.step({ problem: entry.problem.name, feeds: entry.feeds, ...rates });
    const reference = startAdam64(initial.parameters);
    const norm = adamStep(reference, before.gradient!.data, optimiser, {
      ...rates,
      entries: entry.parameters.entries,
    });
    expect(norm).toBeGreaterThan(optimiser.clipNorm);
    expect(relativeError([result.gradientNorms[set]!], [norm])).toBeLessThan(1e-4);
    expect(relativeError([result.losses.loss!], before.loss!.data)).toBeLessThan(1e-5);
    const found = (await run.readState())[set]!;
    expect(relativeError(found.parameters, reference.parameters)).toBeLessThan(1e-5);
    expect(relativeError(found.average, reference.average)).toBeLessThan(1e-5);
    expect(relativeError(found.firstMoment, reference.firstMoment, 1e-6)).toBeLessThan(1e-4);
    expect(relativeError(found.secondMoment, reference.secondMoment, 1e-9)).toBeLessThan(1e-4);
    const statistics = before.statistics!.data;
    const followed = initial.statistics.map((old, index) => 0.7 * old + 0.3 * statistics[index]!);
    expect(relativeError(found.statistics, followed)).toBeLessThan(1e-5);
  });

  it("learns one batch by heart", async () => {
    await run.writeState({ [set]: initial });
    const losses: number[] = [];
    for (let step = 0; step < 25; step += 1) {
      const request = { problem: entry.problem.name, feeds: entry.feeds, learningRate: 0.01, averageDecay: 0.5 };
      losses.push((await run.step(request)).losses.loss!);
    }
    expect(losses.at(-1)).toBeLessThan(0.8 * losses[0]!);
    const { parameters, statistics } = (await run.readState())[set]!;
    expect([...parameters, ...statistics].every(Number.isFinite)).toBe(true);
  });
});
