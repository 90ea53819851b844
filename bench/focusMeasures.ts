import { createRandom } from "../src/core/index.js";
import type { Picture } from "../src/pictures/index.js";
import { type FocusSample, mostFocusFrames, nextFocusStep } from "../src/scan/focus/index.js";
import { defocused, exposed } from "./defocus.js";
import { type BenchContext, type BenchResult, columns, type Figure, NotHere } from "./figures.js";
import { focusMeasures } from "./focusCandidates.js";
import { type DataSetName, realPictures } from "./pictures.js";
import { median, quantile } from "./statistics.js";

/** Radii of the disc of defocus, px. */
const radiiPx = [0, 0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 13];
const noises = [0, 2, 5] as const;
/** Searches: the disc grows by so much for a um, and they look to either side for so far. */
const discPxPerUm = 1;
const reachUm = 6;
const searchesPerField = 3;
const sidePx = 256;
const sets: readonly DataSetName[] = ["txl-pbc", "oi-pbc", "bccd"];

const middleOf = ({ width, height, pixels }: Picture): Picture => {
  const side = Math.min(sidePx, width, height);
  const [left, top] = [(width - side) >> 1, (height - side) >> 1];
  const part = new Uint8Array(3 * side * side);
  for (let row = 0; row < side; row++) {
    const from = 3 * ((top + row) * width + left);
    part.set(pixels.subarray(from, from + 3 * side), 3 * row * side);
  }
  return { width: side, height: side, pixels: part };
};

/** A field through focus: the light at each radius. */
interface Stack {
  readonly size: Picture;
  readonly light: readonly Float32Array[];
}

const stackOf = (picture: Picture): Stack => ({
  size: picture,
  light: radiiPx.map((radius) => defocused(picture, radius)),
});

/** The light at a radius between two of the stack's. */
const lightAt = ({ light }: Stack, radiusPx: number): Float32Array => {
  const next = Math.max(
    1,
    radiiPx.findIndex((radius) => radius >= radiusPx),
  );
  const [low, high] = [light[next - 1]!, light[next]!];
  const share = Math.min(1, (radiusPx - radiiPx[next - 1]!) / (radiiPx[next]! - radiiPx[next - 1]!));
  const mixed = new Float32Array(low.length);
  for (let at = 0; at < mixed.length; at++) mixed[at] = low[at]! + share * (high[at]! - low[at]!);
  return mixed;
};

interface Score {
  /** Of all steps away from focus, those on which the measure falls; the light flickers by 5 % meanwhile. */
  falling: number;
  steps: number;
  /** Radius at which it is a half of its best, px; the widest one where it never is. */
  readonly halfPx: number[];
  /** How much it changes between two pictures of one plane, as a share of its best. */
  readonly spread: number[];
  readonly errorsUm: number[];
  failed: number;
}

type Noise = (typeof noises)[number];
type Measures = readonly (readonly [name: string, measure: (typeof focusMeasures)[string], score: Score])[];

const flicker = (random: { normal(): number }): number => 0.85 * (1 + 0.05 * random.normal());

const halfOf = (values: readonly number[]): number => {
  const at = values.findIndex((value) => value < values[0]! / 2);
  if (at < 1) return radiiPx.at(-1)!;
  const share = (values[at - 1]! - values[0]! / 2) / (values[at - 1]! - values[at]!);
  return radiiPx[at - 1]! + share * (radiiPx[at]! - radiiPx[at - 1]!);
};

const scoreCurves = (stack: Stack, noiseLevels: Noise, measures: Measures, seed: number): void => {
  const random = createRandom(seed);
  const pictures = [0, ...radiiPx].map((radius) => ({
    ...stack.size,
    pixels: exposed(lightAt(stack, radius), { gain: flicker(random), noiseLevels, seed: random.int(1e9) }),
  }));
  for (const [, measure, score] of measures) {
    const [again, ...values] = pictures.map(measure);
    for (let step = 1; step < values.length; step++) if (values[step]! < values[step - 1]!) score.falling++;
    score.steps += values.length - 1;
    score.halfPx.push(halfOf(values));
    score.spread.push(Math.abs(again! - values[0]!) / values[0]!);
  }
};

/** The search of the autofocus itself, over the stack, from a best plane that lies anywhere in the middle of the range. */
const scoreSearch = (stack: Stack, noiseLevels: Noise, measures: Measures, seed: number): void => {
  const random = createRandom(seed);
  const bestUm = 0.7 * reachUm * (2 * random.next() - 1);
  // Every measure sees the same pictures where it looks at the same height.
  const pictures = new Map<number, Picture>();
  const pictureAt = (zUm: number): Picture => {
    const known = pictures.get(zUm);
    if (known !== undefined) return known;
    const light = lightAt(stack, Math.abs(zUm - bestUm) * discPxPerUm);
    const pixels = exposed(light, { gain: flicker(random), noiseLevels, seed: random.int(1e9) });
    const picture = { ...stack.size, pixels };
    pictures.set(zUm, picture);
    return picture;
  };
  for (const [, measure, score] of measures) {
    const samples: FocusSample[] = [];
    for (;;) {
      const step = nextFocusStep(samples, { centreUm: 0, reachUm });
      if (step.kind === "none") score.failed++;
      if (step.kind === "found") score.errorsUm.push(Math.abs(step.zUm - bestUm));
      if (step.kind !== "look") break;
      samples.push({ zUm: step.zUm, sharpness: measure(pictureAt(step.zUm)) });
    }
  }
};

const costMs = (measure: (typeof focusMeasures)[string]): number => {
  const [width, height] = [1920, 1200];
  const picture = { width, height, pixels: new Uint8Array(3 * width * height).map((_, at) => (at * 31) % 251) };
  return median(
    Array.from({ length: 5 }, () => {
      const start = performance.now();
      measure(picture);
      return performance.now() - start;
    }),
  );
};

const tableOf = (noiseLevels: Noise, measures: Measures): string[] => [
  `noise of ${noiseLevels} levels`,
  ...columns([
    ["measure", "falling %", "half at px", "spread %", "error um", "p95", "failed"],
    ...measures.map(([name, , score]) => [
      name,
      ((100 * score.falling) / score.steps).toFixed(1),
      median(score.halfPx).toFixed(2),
      (100 * median(score.spread)).toFixed(1),
      median(score.errorsUm).toFixed(3),
      quantile(score.errorsUm, 0.95).toFixed(2),
      String(score.failed),
    ]),
  ]),
  "",
];

const figuresOf = (name: string, noiseLevels: Noise, score: Score): Figure[] => {
  const how = `real fields, defocused by discs of 0 to ${radiiPx.at(-1)} px, noise of ${noiseLevels} levels, light that flickers by 5 %`;
  const key = `${name}.noise${noiseLevels}`;
  return [
    { name: `${key}.fallingPercent`, value: (100 * score.falling) / score.steps, unit: "%", how },
    { name: `${key}.searchErrorUmP95`, value: quantile(score.errorsUm, 0.95), unit: "um", how },
    { name: `${key}.failed`, value: score.failed, how },
  ];
};

/** Measures of focus on real smears whose defocus is known. */
export const focusMeasuresBench = async ({ quick }: BenchContext): Promise<BenchResult> => {
  const pictures = (await Promise.all(sets.map((name) => realPictures(name, quick ? 2 : 8)))).flatMap(
    (set) => set ?? [],
  );
  if (pictures.length === 0) throw new NotHere("the data sets are not there");
  const byNoise = noises.map((noise) => {
    const score = (): Score => ({ falling: 0, steps: 0, halfPx: [], spread: [], errorsUm: [], failed: 0 });
    return [noise, Object.entries(focusMeasures).map(([name, measure]) => [name, measure, score()] as const)] as const;
  });
  for (const [at, picture] of pictures.entries()) {
    const stack = stackOf(middleOf(picture));
    for (const [noise, measures] of byNoise) {
      scoreCurves(stack, noise, measures, 1 + at);
      for (let search = 0; search < searchesPerField; search++)
        scoreSearch(stack, noise, measures, 1000 * (1 + at) + search);
    }
  }
  const costs = Object.entries(focusMeasures).map(([name, measure]) => [name, costMs(measure)] as const);
  const figures = byNoise.flatMap(([noise, measures]) =>
    measures.flatMap(([name, , score]) => figuresOf(name, noise, score)),
  );
  const text = [
    `${pictures.length} fields, searches of at most ${mostFocusFrames} pictures over ${2 * reachUm} um, ${discPxPerUm} px of disc a um`,
    "",
    ...byNoise.flatMap(([noise, measures]) => tableOf(noise, measures)),
    ...columns([["ms for 1920 x 1200", ""], ...costs.map(([name, ms]) => [name, ms.toFixed(1)])]),
  ];
  const costFigures = costs.map(([name, value]) => ({ name: `${name}.ms`, value, unit: "ms", how: "1920 x 1200 px" }));
  return { figures: [...figures, ...costFigures], text };
};
