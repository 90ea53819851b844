/** Randomness that belongs to places of the slide, so that a place looks the same whenever and from wherever it is seen. */

/** Mixes three whole numbers into 32 well-distributed bits (rounds of the MurmurHash3 finaliser). */
export const hashPlace = (seed: number, column: number, row: number): number => {
  let h = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b);
  h = Math.imul((h ^ (h >>> 15) ^ column) | 0, 0xc2b2ae35);
  h = Math.imul((h ^ (h >>> 13) ^ row) | 0, 0x27d4eb2f);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  return (h ^ (h >>> 13)) >>> 0;
};

const cornerValue = (seed: number, column: number, row: number): number =>
  hashPlace(seed, column, row) / 0x8000_0000 - 1;

/** Value noise in [-1, 1]: a random value at each corner of a lattice with spacing 1, joined smoothly. */
export const valueNoise = (seed: number, x: number, y: number): number => {
  const column = Math.floor(x);
  const row = Math.floor(y);
  const fx = x - column;
  const fy = y - row;
  const sx = fx * fx * (3 - 2 * fx);
  const sy = fy * fy * (3 - 2 * fy);
  const a = cornerValue(seed, column, row);
  const b = cornerValue(seed, column + 1, row);
  const c = cornerValue(seed, column, row + 1);
  const d = cornerValue(seed, column + 1, row + 1);
  const top = a + (b - a) * sx;
  return top + (c + (d - c) * sx - top) * sy;
};

/** A property of the slide that changes slowly from place to place. */
export type SlowField = (xUm: number, yUm: number) => number;

/** Two octaves of value noise, roughly in [-1, 1], mean 0; `periodUm` is the size of its larger features. */
export const slowField =
  (seed: number, periodUm: number): SlowField =>
  (xUm, yUm) =>
    0.75 * valueNoise(seed, xUm / periodUm, yUm / periodUm) +
    0.4 * valueNoise(seed ^ 0x51ed270b, (2.3 * xUm) / periodUm, (2.3 * yUm) / periodUm);
