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

/** Swings of the table in the time that it takes to come to rest. */
const swings = 3;

/** How far the table is from rest, um, along the way on which it came: it swings after its arrival, less and less. */
export const swing = (
  { from, to, beganMs, durationMs: whole }: Way,
  nowMs: number,
  { settleMs, settleUm }: Pick<VirtualStageOptions, "settleMs" | "settleUm">,
): Readonly<{ x: number; y: number }> => {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.hypot(dx, dy);
  const part = settleMs > 0 ? (nowMs - beganMs - whole) / settleMs : 1;
  if (length === 0 || part < 0 || part >= 1) return { x: 0, y: 0 };
  const away = Math.min(settleUm, length) * (1 - part) ** 2 * Math.cos(2 * Math.PI * swings * part);
  return { x: (away * dx) / length, y: (away * dy) / length };
};

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
