import { CytoError } from "../../core/index.js";

export interface Sighting {
  /** How far the stage went, um, its own axes. */
  readonly stageUm: { readonly x: number; readonly y: number };
  /** By how much the field lies further right and down, px. */
  readonly shiftPx: { readonly x: number; readonly y: number };
}

export interface Solution {
  readonly umPerPixel: number;
  readonly toSlide: readonly [number, number, number, number];
  /** Of the stage's x axis against the picture's, counter-clockwise on a picture whose y points down seen as a plane: atan2(y, x). */
  readonly rotationDegrees: number;
  readonly mirrored: boolean;
  /** Root mean square of what is left of the shifts, px. */
  readonly residualPx: number;
}

const failed = (why: string): CytoError => new CytoError("CALIBRATION_FAILED", why);

/** Axes of one stage differ in scale, and from a right angle, by no more than this: a larger share, or angle, is an axis that did not move. */
const mostUneven = 0.25;
const leastSine = Math.sin((75 * Math.PI) / 180);

/** @throws CytoError CALIBRATION_FAILED where the picture follows one axis much less than the other, or in its direction */
const checkAxes = ({ a, b, c, d }: Readonly<Record<"a" | "b" | "c" | "d", number>>): void => {
  const [alongX, alongY] = [Math.hypot(a, c), Math.hypot(b, d)];
  if (Math.min(alongX, alongY) < (1 - mostUneven) * Math.max(alongX, alongY)) {
    const [less, more] = alongX < alongY ? ["x", "y"] : ["y", "x"];
    throw failed(`the picture moves much less with the stage's ${less} than with its ${more}`);
  }
  if (Math.abs(a * d - b * c) < leastSine * alongX * alongY)
    throw failed("the picture moves the same way with the stage's x and y: is one of its axes wired to the other?");
};

/**
 * Scale, rotation and handedness by least squares: shift = A · way, and A = toSlide / umPerPixel, where the scale is the root of the
 * determinant, so that areas are right whatever the axes' own errors. Pure.
 * @throws CytoError CALIBRATION_FAILED where the ways span no plane, or the shifts none
 */
export const solveOptics = (sightings: readonly Sighting[]): Solution => {
  let [xx, xy, yy] = [0, 0, 0];
  const right = { x: [0, 0], y: [0, 0] };
  for (const { stageUm, shiftPx } of sightings) {
    xx += stageUm.x * stageUm.x;
    xy += stageUm.x * stageUm.y;
    yy += stageUm.y * stageUm.y;
    for (const axis of ["x", "y"] as const) {
      right[axis][0]! += shiftPx[axis] * stageUm.x;
      right[axis][1]! += shiftPx[axis] * stageUm.y;
    }
  }
  const span = xx * yy - xy * xy;
  if (!(span > 1e-9 * (xx + yy) ** 2)) throw failed("the stage went along one line only");
  const row = ([p, q]: readonly number[]): [number, number] => [(p! * yy - q! * xy) / span, (q! * xx - p! * xy) / span];
  const [a, b] = row(right.x);
  const [c, d] = row(right.y);
  const determinant = a * d - b * c;
  const umPerPixel = 1 / Math.sqrt(Math.abs(determinant));
  checkAxes({ a, b, c, d });
  const squares = sightings.reduce(
    (sum, { stageUm: { x, y }, shiftPx }) => sum + (a * x + b * y - shiftPx.x) ** 2 + (c * x + d * y - shiftPx.y) ** 2,
    0,
  );
  return {
    umPerPixel,
    toSlide: [a * umPerPixel, b * umPerPixel, c * umPerPixel, d * umPerPixel],
    rotationDegrees: (Math.atan2(c, a) * 180) / Math.PI,
    mirrored: determinant < 0,
    residualPx: Math.sqrt(squares / sightings.length),
  };
};
