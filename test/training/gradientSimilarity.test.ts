import { describe, expect, it } from "vitest";
import { createRandom } from "../../src/core/index.js";
import { Graph, gradients, Operators } from "../../src/engine/onnx/index.js";
import {
  defaultGradientSimilarity,
  type GradientSimilarityOptions,
  gradientSimilarityLoss,
} from "../../src/training/losses/gradientSimilarity.js";
import { openGraph, tensor } from "../engine/onnx/runGraph.js";
import { gradientGap } from "./directions.js";

const [pictures, height, width] = [2, 12, 16];
const shape = [pictures, 3, height, width] as const;
const count = pictures * 3 * height * width;
const small: GradientSimilarityOptions = { ...defaultGradientSimilarity, patchPx: 4, stridePx: 2 };

const opened = (options: GradientSimilarityOptions) => {
  const graph = new Graph("similarity");
  const [painted, real] = [graph.input("painted", "float32", shape), graph.input("real", "float32", shape)];
  const loss = gradientSimilarityLoss(new Operators(graph), painted, real, options);
  graph.output("loss", loss);
  graph.output("gradient", gradients(graph, loss, [painted])[0]!);
  return openGraph(graph);
};

const lossOf = async (painted: ArrayLike<number>, real: ArrayLike<number>, options = small) => {
  await using graph = await opened(options);
  const { loss, gradient } = await graph.run({ painted: tensor(shape, painted), real: tensor(shape, real) });
  return { loss: loss!.data[0]!, gradient: gradient!.data };
};

/** Smooth, noisy pictures in [0,1]. */
const draw = (seed: number, noise = 0.1): Float32Array => {
  const random = createRandom(seed);
  const phase = random.next() * 6;
  return Float32Array.from({ length: count }, (_, at) => {
    const [x, y] = [at % width, Math.floor(at / width) % height];
    return Math.min(1, Math.max(0, 0.5 + 0.3 * Math.sin(phase + x / 3 + y / 5) + noise * random.normal()));
  });
};

type Plane = (row: number, column: number) => number;

const planesOf = (data: Float32Array, on: GradientSimilarityOptions["on"]): Plane[] => {
  const at = (picture: number, channel: number) => (row: number, column: number) =>
    data[((picture * 3 + channel) * height + row) * width + column]!;
  return Array.from({ length: pictures }, (_, picture) => {
    const [red, green, blue] = [at(picture, 0), at(picture, 1), at(picture, 2)];
    return on === "channels"
      ? [red, green, blue]
      : [
          (row: number, column: number) =>
            0.299 * red(row, column) + 0.587 * green(row, column) + 0.114 * blue(row, column),
        ];
  }).flat();
};

/** V of one patch by the formulas as they are printed (l mended), pixel by pixel. */
const patchSimilarity = (
  x: Plane,
  g: Plane,
  corner: readonly [number, number],
  { patchPx, constants, exponents }: GradientSimilarityOptions,
) => {
  const slope = (plane: Plane, row: number, column: number) =>
    row === height - 1 || column === width - 1
      ? 0
      : plane(row + 1, column) - plane(row, column) + plane(row, column + 1) - plane(row, column);
  const pixels = Array.from({ length: patchPx * patchPx }, (_, at) => {
    const [row, column] = [corner[0] + Math.floor(at / patchPx), corner[1] + (at % patchPx)];
    return { x: x(row, column), g: g(row, column), dx: slope(x, row, column), dg: slope(g, row, column) };
  });
  const sum = (of: (pixel: (typeof pixels)[number]) => number) => pixels.reduce((total, pixel) => total + of(pixel), 0);
  const n = pixels.length;
  const [ux, ug] = [sum((p) => p.x) / n, sum((p) => p.g) / n];
  const [sx, sg] = [Math.sqrt(sum((p) => (p.x - ux) ** 2) / n), Math.sqrt(sum((p) => (p.g - ug) ** 2) / n)];
  const [c1, c2, c3] = constants;
  const l = (2 * ux * ug + c1) / (ux * ux + ug * ug + c1);
  const c = (2 * sx * sg + c2) / (sx * sx + sg * sg + c2);
  const e = (2 * sum((p) => p.dx * p.dg) + c3) / (sum((p) => p.dx ** 2) + sum((p) => p.dg ** 2) + c3);
  const [alpha, beta, gamma] = exponents;
  return l ** alpha * c ** beta * (Number.isInteger(gamma) ? e : Math.max(e, 1e-4)) ** gamma;
};

const reference = (painted: Float32Array, real: Float32Array, options: GradientSimilarityOptions): number => {
  const [gs, xs] = [planesOf(painted, options.on), planesOf(real, options.on)];
  const values = xs.flatMap((x, plane) => {
    const found: number[] = [];
    for (let row = 0; row + options.patchPx <= height; row += options.stridePx)
      for (let column = 0; column + options.patchPx <= width; column += options.stridePx)
        found.push(patchSimilarity(x, gs[plane]!, [row, column], options));
    return found;
  });
  return 1 - values.reduce((sum, value) => sum + value, 0) / values.length;
};

describe("L_GS", () => {
  const cases: Readonly<Record<string, GradientSimilarityOptions>> = {
    "grey, overlapping patches": small,
    "each channel": { ...small, on: "channels" },
    "patches that tile": { ...small, stridePx: 4 },
    "a patch at every pixel": { ...small, stridePx: 1 },
    "other constants": { ...small, constants: [0.1, 0.02, 0.3] },
    "other exponents": { ...small, exponents: [2, 0, 1] },
    "fractional exponents": { ...small, exponents: [0.5, 1.5, 0.7] },
  };

  it.each(Object.entries(cases))("is that of the formulas, pixel by pixel: %s", async (_, options) => {
    const [painted, real] = [draw(1), draw(2)];
    const expected = reference(painted, real, options);
    expect(expected).toBeGreaterThan(0.05);
    expect((await lossOf(painted, real, options)).loss).toBeCloseTo(expected, 4);
  });

  it.each(Object.entries(cases))("has the gradient of finite differences: %s", async (_, options) => {
    await using graph = await opened(options);
    // Alike enough that no edge is opposed: there a fractional exponent has a kink.
    const real = draw(4, 0.01);
    const painted = real.map((value, index) => 0.8 * value + 0.05 + 0.003 * Math.sin(index));
    const feeds = { painted: tensor(shape, painted), real: tensor(shape, real) };
    expect(await gradientGap(graph, feeds, "painted", { random: createRandom(5), step: 0.01 })).toBeLessThan(5e-3);
  });

  it("is nothing where both are the same, flat ones too, and finite with its gradient wherever", async () => {
    const [noisy, flat, black] = [draw(6), new Float32Array(count).fill(0.7), new Float32Array(count)];
    for (const picture of [noisy, flat, black]) expect((await lossOf(picture, picture)).loss).toBeCloseTo(0, 4);
    for (const real of [noisy, flat, black]) {
      for (const painted of [noisy, flat, black]) {
        const { loss, gradient } = await lossOf(painted, real);
        expect(loss).toBeGreaterThan(-1e-4);
        expect(loss).toBeLessThan(2);
        expect(gradient.every(Number.isFinite)).toBe(true);
      }
    }
  });

  it("is by hand: flat patches of brightness 0.5 and 0.25 lack in brightness alone", async () => {
    const flat = (value: number) => new Float32Array(count).fill(value);
    const [c1] = small.constants;
    const l = (2 * 0.5 * 0.25 + c1) / (0.25 + 0.0625 + c1);
    expect((await lossOf(flat(0.25), flat(0.5))).loss).toBeCloseTo(1 - l, 4);
  });

  it("sees opposed edges as worse than none", async () => {
    const real = draw(7, 0);
    const blurred = new Float32Array(count).fill(0.5);
    const opposed = real.map((value) => 1 - value);
    expect((await lossOf(opposed, real)).loss).toBeGreaterThan((await lossOf(blurred, real)).loss);
  });

  it("refuses patches that do not fit", () => {
    const refused = (options: Partial<GradientSimilarityOptions>) => {
      const graph = new Graph("refused");
      const [painted, real] = [graph.input("painted", "float32", shape), graph.input("real", "float32", shape)];
      return () => gradientSimilarityLoss(new Operators(graph), painted, real, { ...small, ...options });
    };
    expect(refused({ patchPx: 5 })).toThrowError(expect.objectContaining({ code: "INTERNAL" }));
    expect(refused({ patchPx: 10, stridePx: 5 })).toThrowError(expect.objectContaining({ code: "INTERNAL" }));
    expect(refused({ patchPx: 16 })).toThrowError(expect.objectContaining({ code: "INTERNAL" }));
  });
});
