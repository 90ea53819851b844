import { z } from "zod";
import type { StageAxis } from "../contract.js";

/** How the stage's axes lie on the controller's. */
export interface AxisMap {
  readonly swapXY: boolean;
  readonly invert: Readonly<Record<StageAxis, boolean>>;
  /** um per step of the controller's axes. */
  readonly umPerStep: Readonly<Record<StageAxis, number>>;
}

type Values = { readonly [Axis in StageAxis]?: number | undefined };

type AxisPlaces = Readonly<Record<StageAxis, number>>;

const swapped = (axis: StageAxis, { swapXY }: AxisMap): StageAxis =>
  swapXY ? ({ x: "y", y: "x", z: "z" } as const)[axis] : axis;

const axes = ["x", "y", "z"] as const;

/** The controller's axes that carry these of the stage. */
export const controllerAxes = (of: readonly StageAxis[], map: AxisMap): StageAxis[] => {
  const wanted = of.map((axis) => swapped(axis, map));
  return axes.filter((axis) => wanted.includes(axis));
};

/** Steps of the controller's axes for places of the stage, um. Not rounded. */
export function toSteps(um: Values, map: AxisMap): Partial<Record<StageAxis, number>> {
  const steps: Partial<Record<StageAxis, number>> = {};
  for (const axis of axes) {
    const value = um[axis];
    const carrier = swapped(axis, map);
    if (value !== undefined) steps[carrier] = ((map.invert[axis] ? -1 : 1) * value) / map.umPerStep[carrier] || 0;
  }
  return steps;
}

/** Places of the stage, um, for steps of the controller's axes. */
export function toUm(steps: Values, map: AxisMap): Partial<Record<StageAxis, number>> {
  const um: Partial<Record<StageAxis, number>> = {};
  for (const axis of axes) {
    const carrier = swapped(axis, map);
    const value = steps[carrier];
    if (value !== undefined) um[axis] = (map.invert[axis] ? -1 : 1) * value * map.umPerStep[carrier] || 0;
  }
  return um;
}

/** What is added to a controller's own places, um, so that the one which was `here` is told as `wanted`; axes that are left out keep theirs. */
export const declaredShift = (before: AxisPlaces, here: Values, wanted: Values): AxisPlaces => {
  const shift = (axis: StageAxis): number => {
    const place = wanted[axis];
    return place === undefined ? before[axis] : before[axis] + place - (here[axis] ?? 0);
  };
  return { x: shift("x"), y: shift("y"), z: shift("z") };
};

/** Options that every controller on a serial port has. */
export const portOptions = (baudRate: number) => ({
  baudRate: z.number().int().min(1200).max(2_000_000).default(baudRate).describe("Baud rate, as the controller is set"),
  replyTimeoutMs: z.number().int().min(20).max(10_000).default(500).describe("Longest time to a reply, ms"),
  silenceMs: z
    .number()
    .int()
    .min(50)
    .max(10_000)
    .default(120)
    .describe(
      "A controller that answers nothing for so long in mid-move is halted, ms; four times its usual reply where that is longer. More where other programs keep the whole machine busy",
    ),
  swapXY: z.boolean().default(false).describe("Whether the controller's x moves the stage's y, and its y the x"),
  invert: z
    .strictObject({ x: z.boolean().default(false), y: z.boolean().default(false), z: z.boolean().default(false) })
    .prefault({})
    .describe("Axes of the stage that run against the controller's"),
});

export const zOption = (present: boolean) =>
  z.boolean().default(present).describe("Whether the controller moves the focus");
export const homingOption = (allowed: boolean) =>
  z
    .boolean()
    .default(allowed)
    .describe("Whether x and y may look for their switches: allow it only where nothing is in the way up to them");
