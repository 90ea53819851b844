import type { Random } from "../../src/core/index.js";
import type { OpenGraph, Tensors } from "../engine/onnx/runGraph.js";

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, value, index) => sum + value * b[index]!, 0);

export interface DirectionCheck {
  readonly random: Random;
  /** Length of the step to either side. */
  readonly step: number;
  readonly trials?: number;
}

/**
 * The largest gap between an opened graph's `gradient` by one of its inputs and central differences of its `loss`,
 * against the gradient's norm: along the gradient, and along random directions tilted towards it.
 */
export const gradientGap = async (
  opened: OpenGraph,
  feeds: Tensors,
  input: string,
  { random, step, trials = 4 }: DirectionCheck,
): Promise<number> => {
  const { data: start, dims } = feeds[input]!;
  const gradient = (await opened.run(feeds)).gradient!.data;
  const norm = Math.sqrt(dot(gradient, gradient));
  let gap = norm > 0 && Number.isFinite(norm) ? 0 : Number.POSITIVE_INFINITY;
  for (let trial = 0; trial < trials; trial += 1) {
    const noise = Float32Array.from(start, () => random.normal());
    const size = Math.sqrt(dot(noise, noise));
    const mixed = Array.from(noise, (value, index) => (trial * value) / size + gradient[index]! / norm);
    const length = Math.sqrt(dot(mixed, mixed));
    const lossAt = async (by: number) => {
      const data = Float32Array.from(start, (value, index) => value + (by * mixed[index]!) / length);
      return (await opened.run({ ...feeds, [input]: { dims, data } })).loss!.data[0]!;
    };
    const slope = ((await lossAt(step)) - (await lossAt(-step))) / (2 * step);
    gap = Math.max(gap, Math.abs(slope - dot(gradient, mixed) / length) / norm);
  }
  return gap;
};
