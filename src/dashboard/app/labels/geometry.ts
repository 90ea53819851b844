import type { Box, LabelledCell } from "../../../core/index.js";

/** Boxes and points of the review, px of the picture. Pure. */

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** The part of the picture that is shown. */
export interface Viewport extends Point, Size {}

/** An edge or a corner of a box: which sides it moves. */
export type Handle = `${"t" | "b" | ""}${"l" | "r" | ""}`;
export const handles = ["tl", "t", "tr", "l", "r", "bl", "b", "br"] as const satisfies readonly Handle[];

/** Smallest side of a box. */
export const minSidePx = 3;

const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));

/** Whole pixels, inside the picture, no side shorter than `minSidePx`. */
export const fitBox = (box: Box, { width, height }: Size): Box => {
  const [x0, x1] = [Math.min(box.left, box.right), Math.max(box.left, box.right)];
  const [y0, y1] = [Math.min(box.top, box.bottom), Math.max(box.top, box.bottom)];
  const left = clamp(Math.round(x0), 0, Math.max(0, width - minSidePx));
  const top = clamp(Math.round(y0), 0, Math.max(0, height - minSidePx));
  return {
    left,
    top,
    right: clamp(Math.round(x1), left + Math.min(minSidePx, width), width),
    bottom: clamp(Math.round(y1), top + Math.min(minSidePx, height), height),
  };
};

/** The box moved, as far as the picture goes; its sides keep their lengths. */
export const moveBox = (box: Box, by: Point, { width, height }: Size): Box => {
  const dx = clamp(Math.round(by.x), -box.left, width - box.right);
  const dy = clamp(Math.round(by.y), -box.top, height - box.bottom);
  return { left: box.left + dx, top: box.top + dy, right: box.right + dx, bottom: box.bottom + dy };
};

/** The box with the sides of a handle moved. */
export const resizeBox = (box: Box, handle: Handle, by: Point, size: Size): Box =>
  fitBox(
    {
      left: handle.includes("l") ? Math.min(box.left + by.x, box.right - minSidePx) : box.left,
      right: handle.includes("r") ? Math.max(box.right + by.x, box.left + minSidePx) : box.right,
      top: handle.includes("t") ? Math.min(box.top + by.y, box.bottom - minSidePx) : box.top,
      bottom: handle.includes("b") ? Math.max(box.bottom + by.y, box.top + minSidePx) : box.bottom,
    },
    size,
  );

export const areaOf = ({ left, top, right, bottom }: Box): number => (right - left) * (bottom - top);
const contains = ({ left, top, right, bottom }: Box, { x, y }: Point): boolean =>
  x >= left && x <= right && y >= top && y <= bottom;

/** The cell at a place: the smallest box around it, so that a platelet on a red cell can be had. */
export const cellAt = (cells: readonly LabelledCell[], point: Point): number | undefined => {
  let found: number | undefined;
  cells.forEach(({ box }, index) => {
    const smallest = found === undefined ? Number.POSITIVE_INFINITY : areaOf(cells[found]?.box ?? box);
    if (contains(box, point) && areaOf(box) < smallest) found = index;
  });
  return found;
};

export const handlePoint = ({ left, top, right, bottom }: Box, handle: Handle): Point => ({
  x: handle.includes("l") ? left : handle.includes("r") ? right : (left + right) / 2,
  y: handle.includes("t") ? top : handle.includes("b") ? bottom : (top + bottom) / 2,
});

/** The handle of a box within `reach` of a place. */
export const handleAt = (box: Box, point: Point, reach: number): Handle | undefined =>
  handles
    .map((handle) => ({ handle, at: handlePoint(box, handle) }))
    .map(({ handle, at }) => ({ handle, distance: Math.hypot(at.x - point.x, at.y - point.y) }))
    .filter(({ distance }) => distance <= reach)
    .sort((a, b) => a.distance - b.distance)[0]?.handle;

const centreOf = ({ box }: LabelledCell): Point => ({ x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 });

/**
 * The next cell in a direction (a unit step along one axis): the nearest one ahead, what lies aside counting twice. Where there is
 * none ahead, the one farthest back; without a selection the first.
 */
export const neighbour = (
  cells: readonly LabelledCell[],
  selected: number | undefined,
  step: Point,
): number | undefined => {
  if (cells.length === 0) return undefined;
  const from = selected === undefined ? undefined : cells[selected];
  if (from === undefined) return 0;
  const origin = centreOf(from);
  const placed = cells.flatMap((cell, index) => {
    const centre = centreOf(cell);
    const ahead = (centre.x - origin.x) * step.x + (centre.y - origin.y) * step.y;
    const aside = Math.abs((centre.x - origin.x) * step.y) + Math.abs((centre.y - origin.y) * step.x);
    return index === selected ? [] : [{ index, ahead, cost: ahead + 2 * aside }];
  });
  const forward = placed.filter(({ ahead }) => ahead > 0).sort((a, b) => a.cost - b.cost)[0];
  return (forward ?? placed.sort((a, b) => a.ahead - b.ahead)[0])?.index ?? selected;
};

/** The part of the picture after zooming by a factor about a place: never more than the whole, never outside. */
export const zoomed = (view: Viewport, factor: number, about: Point, size: Size): Viewport => {
  const scale = clamp(view.width / factor, size.width / 24, size.width) / view.width;
  return panned(
    {
      x: about.x - (about.x - view.x) * scale,
      y: about.y - (about.y - view.y) * scale,
      width: view.width * scale,
      height: view.height * scale,
    },
    { x: 0, y: 0 },
    size,
  );
};

export const panned = (view: Viewport, by: Point, { width, height }: Size): Viewport => ({
  ...view,
  x: clamp(view.x + by.x, 0, Math.max(0, width - view.width)),
  y: clamp(view.y + by.y, 0, Math.max(0, height - view.height)),
});

/** The part of the picture moved so that a box is seen. */
export const revealing = (view: Viewport, box: Box, size: Size): Viewport => {
  const dx = box.left < view.x ? box.left - view.x : Math.max(0, box.right - view.x - view.width);
  const dy = box.top < view.y ? box.top - view.y : Math.max(0, box.bottom - view.y - view.height);
  return panned(view, { x: dx, y: dy }, size);
};
