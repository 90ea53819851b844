import { CytoError } from "../../core/index.js";
import type { PointUm, RectUm } from "../../counting/index.js";
import type { FieldSizeUm } from "./grid.js";

/** The travel that an axis has, um; without a range it is free. */
export type ReachUm = Partial<Readonly<Record<"x" | "y" | "z", { readonly min: number; readonly max: number }>>>;

/**
 * The outermost field centres within bounds of whole fields. A stage's position is linear in the slide's, so that where these four
 * can be reached all others between them can.
 */
export const outermostCentres = (boundsUm: RectUm, field: FieldSizeUm): PointUm[] => {
  const [left, right] = [boundsUm.left + field.width / 2, boundsUm.right - field.width / 2];
  const [top, bottom] = [boundsUm.top + field.height / 2, boundsUm.bottom - field.height / 2];
  return [
    { x: left, y: top },
    { x: right, y: top },
    { x: right, y: bottom },
    { x: left, y: bottom },
  ];
};

/**
 * Whether the stage can reach all places, before it is asked to go to any.
 * @param toStage from the slide's coordinates to the stage's own
 * @throws CytoError STAGE_LIMIT naming the first place and axis that it cannot reach
 */
export const checkReach = (
  placesUm: readonly PointUm[],
  toStage: (place: PointUm) => PointUm,
  limitsUm: ReachUm,
): void => {
  for (const place of placesUm) {
    const stage = toStage(place);
    for (const axis of ["x", "y"] as const) {
      const range = limitsUm[axis];
      const at = stage[axis];
      if (range === undefined || (at >= range.min && at <= range.max)) continue;
      throw new CytoError(
        "STAGE_LIMIT",
        `the field at ${place.x.toFixed(1)}, ${place.y.toFixed(1)} um of the slide lies at ${axis} = ${at.toFixed(1)} um of the stage, allowed are ${range.min} to ${range.max}; nothing was moved`,
        { context: { axis, at, ...range } },
      );
    }
  }
};
