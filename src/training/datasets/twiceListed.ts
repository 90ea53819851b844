import type { Box, LabelledCell } from "../../core/index.js";

/** Two labels of one class that overlap by more than this are one cell listed twice. */
export const twiceListedIou = 0.75;

export const areaOf = ({ left, top, right, bottom }: Box): number =>
  Math.max(right - left, 0) * Math.max(bottom - top, 0);

/** Intersection over union of two boxes; 0 where both are empty. */
export const iouOf = (a: Box, b: Box): number => {
  const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  if (width <= 0 || height <= 0) return 0;
  const shared = width * height;
  return shared / (areaOf(a) + areaOf(b) - shared);
};

/** The labels with each cell once: of those listed twice (same class, IoU over 0.75) the first stays. */
export const mergeTwiceListed = (cells: readonly LabelledCell[]): readonly LabelledCell[] => {
  const kept: LabelledCell[] = [];
  for (const cell of cells) {
    const again = kept.some(
      ({ cellClass, box }) => cellClass === cell.cellClass && iouOf(box, cell.box) > twiceListedIou,
    );
    if (!again) kept.push(cell);
  }
  return kept.length === cells.length ? cells : kept;
};
