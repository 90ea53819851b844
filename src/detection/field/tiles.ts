/** A stretch of an axis that is searched at once, and the part of it whose result is kept; field px, multiples of 16. */
export interface Stretch {
  readonly start: number;
  readonly length: number;
  readonly keepFrom: number;
  readonly keepTo: number;
}

const multiple = 16;
/** Seen around what is kept: more than the radius of the largest leukocyte, about 50 px. */
const margin = 64;

/**
 * Splits an axis of `length` field px (a multiple of 16) into overlapping stretches of equal length, at most `most` px
 * (at least 160), whose kept parts tile it.
 */
export const splitAxis = (length: number, most: number): Stretch[] => {
  if (length <= most) return [{ start: 0, length, keepFrom: 0, keepTo: length }];
  const count = Math.ceil((length - 2 * margin) / (most - 2 * margin));
  const step = Math.ceil((length - 2 * margin) / count / multiple) * multiple;
  const size = step + 2 * margin;
  const stretches: Stretch[] = [];
  for (let i = 0; i < count; i++) {
    const start = Math.min(i * step, length - size);
    const keepFrom = i === 0 ? 0 : i * step + margin;
    const keepTo = i === count - 1 ? length : (i + 1) * step + margin;
    stretches.push({ start, length: size, keepFrom, keepTo });
  }
  return stretches;
};
