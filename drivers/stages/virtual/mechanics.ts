import type { StageAxis, StagePositionUm } from "../../contract.js";
import type { VirtualStageOptions } from "./manifest.js";

type Axes = Readonly<Record<StageAxis, number>>;

/** A move along a straight line, from a time on. */
export interface Way {
  readonly from: Axes;
  readonly to: Axes;
  readonly beganMs: number;
  readonly durationMs: number;
}

const axes = ["x", "y", "z"] as const;
const mapAxes = (value: (axis: StageAxis) => number): Axes => ({ x: value("x"), y: value("y"), z: value("z") });

export const lengthOf = (from: Axes, to: Axes): number => Math.hypot(...axes.map((axis) => to[axis] - from[axis]));

type Speeds = Pick<VirtualStageOptions, "speedUmPerS" | "accelerationUmPerS2">;

/** Time of a way with trapezoidal speed, ms. */
export const durationMs = (lengthUm: number, { speedUmPerS, accelerationUmPerS2 }: Speeds): number => {
  const rampUm = speedUmPerS ** 2 / accelerationUmPerS2;
  const seconds =
    lengthUm < rampUm
      ? 2 * Math.sqrt(lengthUm / accelerationUmPerS2)
      : lengthUm / speedUmPerS + speedUmPerS / accelerationUmPerS2;
  return 1000 * seconds;
};

/** Where the motors are on a way: slow at both ends. */
export const placeOn = ({ from, to, beganMs, durationMs: whole }: Way, nowMs: number): Axes => {
  const part = whole <= 0 ? 1 : Math.min(Math.max((nowMs - beganMs) / whole, 0), 1);
  const eased = part * part * (3 - 2 * part);
  return mapAxes((axis) => (part >= 1 ? to[axis] : from[axis] + eased * (to[axis] - from[axis])));
};

/** The table behind the motors' play: it is pushed from whichever side the motors come. */
export const follow = (table: Axes, motors: Axes, playUm: Axes): Axes =>
  mapAxes((axis) => {
    const half = playUm[axis] / 2;
    return Math.min(Math.max(table[axis], motors[axis] - half), motors[axis] + half);
  });

type Mounting = Pick<VirtualStageOptions, "rotationDegrees" | "mirrored" | "scaleError">;

/** The place on the slide over which the table stands. */
export const slidePlace = ({ x, y }: StagePositionUm, { rotationDegrees, mirrored, scaleError }: Mounting) => {
  const angle = (rotationDegrees * Math.PI) / 180;
  const [along, across] = [x * (1 + scaleError.x), (mirrored ? -1 : 1) * y * (1 + scaleError.y)];
  return {
    x: along * Math.cos(angle) - across * Math.sin(angle),
    y: along * Math.sin(angle) + across * Math.cos(angle),
  };
};
