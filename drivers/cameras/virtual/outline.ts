import type { Random } from "../../../src/core/index.js";

/**
 * An outline is sampled by *turn*: the way along the square |x| + |y| = 1, from (1, 0) through (0, 1) around to (1, 0),
 * 0 to 4. It rises with the angle as well as the angle itself does, and costs one division in place of an arc tangent.
 */
const samplesPerQuarter = 20;
const samples = 4 * samplesPerQuarter;

/** The direction of each sample. */
const directions: readonly Readonly<{ angle: number; x: number; y: number }>[] = Array.from(
  { length: samples },
  (_, k) => {
    const turn = k / samplesPerQuarter;
    const y = turn <= 1 ? turn : turn <= 3 ? 2 - turn : turn - 4;
    const x = turn <= 2 ? 1 - turn : turn - 3;
    return { angle: Math.atan2(y, x), x: x / Math.hypot(x, y), y: y / Math.hypot(x, y) };
  },
);

/** The outline of a cell about its centre: its radius by angle. */
export interface Outline {
  /** Radius in um by turn, with the first repeated at the end. */
  readonly radiiUm: Float32Array;
  readonly smallestUm: number;
  readonly largestUm: number;
  /** Mean radius, um. */
  readonly meanUm: number;
  /** How far the outline reaches from the centre to each side, um, all positive. */
  readonly reachUm: Readonly<{ left: number; top: number; right: number; bottom: number }>;
}

export interface OutlineShape {
  /** Mean radius, um. */
  readonly radiusUm: number;
  /** Longer over shorter axis, >= 1. */
  readonly elongation: number;
  /** Relative amplitude of the irregular part, harmonics 3 to 6. */
  readonly irregularity: number;
  /** Spicules of a crenated cell: how many, and how high relative to the radius. */
  readonly spicules?: Readonly<{ count: number; height: number }>;
}

const harmonicOrders = [3, 4, 5, 6] as const;

/** Cosine and sine of each order's multiple of each direction's angle. */
const harmonicWaves = harmonicOrders.map((order) => ({
  order,
  cos: Float64Array.from(directions, ({ angle }) => Math.cos(order * angle)),
  sin: Float64Array.from(directions, ({ angle }) => Math.sin(order * angle)),
}));

/** Draws an outline of that shape, its long axis in a random direction. */
export const drawOutline = (random: Random, shape: OutlineShape): Outline => {
  const axis = random.next() * Math.PI;
  const axisX = Math.cos(axis);
  const axisY = Math.sin(axis);
  const long = Math.sqrt(shape.elongation);
  const radiiUm = new Float32Array(samples + 1);
  for (let k = 0; k < samples; k++) {
    const { x, y } = directions[k]!;
    const along = (x * axisX + y * axisY) / long;
    const across = (y * axisX - x * axisY) * long;
    radiiUm[k] = shape.radiusUm / Math.sqrt(along * along + across * across);
  }
  for (const { order, cos, sin } of harmonicWaves) {
    const amplitude = (shape.irregularity * random.normal() * 3) / (order * order);
    const phase = random.next() * 2 * Math.PI;
    const even = amplitude * Math.cos(phase);
    const odd = amplitude * Math.sin(phase);
    for (let k = 0; k < samples; k++) radiiUm[k] = radiiUm[k]! * (1 + even * cos[k]! - odd * sin[k]!);
  }
  if (shape.spicules) addSpicules(radiiUm, shape.spicules, random.next() * 2 * Math.PI);
  radiiUm[samples] = radiiUm[0]!;
  return measure(radiiUm);
};

const addSpicules = (radiiUm: Float32Array, spicules: { count: number; height: number }, phase: number): void => {
  for (let k = 0; k < samples; k++) {
    const wave = 0.5 + 0.5 * Math.cos(spicules.count * directions[k]!.angle + phase);
    radiiUm[k] = radiiUm[k]! * (1 + spicules.height * (wave * wave - 0.4));
  }
};

const measure = (radiiUm: Float32Array): Outline => {
  let smallestUm = Number.POSITIVE_INFINITY;
  let largestUm = 0;
  let sum = 0;
  const reachUm = { left: 0, top: 0, right: 0, bottom: 0 };
  for (let k = 0; k < samples; k++) {
    const radius = radiiUm[k]!;
    const x = radius * directions[k]!.x;
    const y = radius * directions[k]!.y;
    smallestUm = Math.min(smallestUm, radius);
    largestUm = Math.max(largestUm, radius);
    sum += radius;
    reachUm.left = Math.max(reachUm.left, -x);
    reachUm.right = Math.max(reachUm.right, x);
    reachUm.top = Math.max(reachUm.top, -y);
    reachUm.bottom = Math.max(reachUm.bottom, y);
  }
  return { radiiUm, smallestUm, largestUm, meanUm: sum / samples, reachUm };
};

/** The outline's radius, um, in the direction of (x, y) seen from the centre. */
export const radiusTowards = (outline: Outline, x: number, y: number): number => {
  const size = (x < 0 ? -x : x) + (y < 0 ? -y : y);
  if (size === 0) return outline.meanUm;
  const slope = y / size;
  const turn = x < 0 ? 2 - slope : y < 0 ? 4 + slope : slope;
  const place = turn * samplesPerQuarter;
  const k = place | 0;
  const { radiiUm } = outline;
  // Rounding may make a direction just below the x axis a whole turn.
  if (k >= samples) return radiiUm[samples]!;
  const below = radiiUm[k]!;
  return below + (radiiUm[k + 1]! - below) * (place - k);
};
