import { type Box, type CellClass, cellClasses, type LabelledCell } from "../../core/index.js";
import { AxisTaps } from "../datasets/axisTaps.js";
import type { Placement } from "../datasets/fieldView.js";
import { addLayers, type FieldMask, liesIn, type PositionChannel } from "./fieldMask.js";
import { type Stain, stainLength, stainValues } from "./stain.js";

/**
 * Planes of a mask as networks take it, [N, planes, S, S], S the canvas' side:
 * - 0 to 9: the classes of the taxonomy in the order of `cellClasses`, 0 to 1. Red cells 0.5 a layer, two layers or more
 *   1, so that overlaps show. `leukocyte` is 1 in every leukocyte; one of known class is in the plane of its class, too.
 * - 10: nuclei, 0 or 1.
 * - 11: edges inside cells (see `gradientPlane`), 0 to 1.
 * - 12 to 20: the stain, constant: red, green, blue of background, red cells, nuclei, 0 to 1.
 * Where an outline crosses a pixel the values lie between. Outside the mask all planes but the stain's are 0.
 */
export const positionChannels: readonly PositionChannel[] = [...cellClasses, "nucleus"];
export const gradientPlaneIndex = positionChannels.length;
export const stainPlaneIndex = gradientPlaneIndex + 1;
export const maskPlaneCount = stainPlaneIndex + stainLength;

/** How a mask is laid on a canvas: as the picture it belongs to, but never blurred. */
export type MaskPlacement = Omit<Placement, "blurPx">;

/** Planes of a mask without the stain's, which networks take as nine numbers of their own. */
export const drawnPlaneCount = stainPlaneIndex;

/** Memory for the planes of `batch` samples. */
export const createMaskPlanes = (batch: number, canvasPx: number, planes: number = maskPlaneCount): Float32Array =>
  new Float32Array(batch * planes * canvasPx * canvasPx);

export interface CanvasSize {
  /** px */
  readonly width: number;
  readonly height: number;
}

/** The placement that lays a mask upright, its left upper corner on the canvas', at `redCellPx` a red cell. */
export const uprightPlacement = (mask: Pick<FieldMask, "redCellPx">, redCellPx = 32): MaskPlacement => ({
  orientation: 0,
  zoom: redCellPx / mask.redCellPx,
  left: 0,
  top: 0,
});

/** Draws masks into batches; owns the scratch memory that it takes. */
export class MaskPainter {
  readonly #across = new AxisTaps();
  readonly #down = new AxisTaps();
  #layers = new Uint8Array(0);
  #rows = new Float32Array(0);

  readonly #canvas: CanvasSize;

  /**
   * @param canvas its side where it is square, px
   * @param planes of a sample: all of them, or `drawnPlaneCount` to leave the stain's out
   */
  constructor(
    canvas: number | CanvasSize,
    private readonly planes: typeof maskPlaneCount | typeof drawnPlaneCount = maskPlaneCount,
  ) {
    this.#canvas = typeof canvas === "number" ? { width: canvas, height: canvas } : canvas;
  }

  /**
   * Lays a mask on a sample of `planes` (see `maskPlaneCount`), at the very place where the field's picture is laid.
   * @param stain in place of the mask's own: another laboratory's, or this one's with its colours changed
   */
  paint(
    planes: Float32Array,
    sample: number,
    mask: FieldMask,
    { placement, stain = mask.stain }: { readonly placement: MaskPlacement; readonly stain?: Stain | undefined },
  ): void {
    const plane = this.#canvas.width * this.#canvas.height;
    const start = sample * this.planes * plane;
    planes.fill(0, start, start + stainPlaneIndex * plane);
    this.#aim(mask, placement);
    const { length } = mask.gradient;
    if (this.#layers.length < length) this.#layers = new Uint8Array(length);
    const layers = this.#layers.subarray(0, length);
    positionChannels.forEach((channel, index) => {
      const within = rectangleOf(mask, channel, placement.orientation);
      if (!within) return;
      layers.fill(0);
      addLayers(mask, channel, layers);
      const full = channel === "erythrocyte" ? 2 : 1;
      for (let at = 0; at < length; at++) if (layers[at]! > full) layers[at] = full;
      this.#resample({ source: layers, mask, placement, scale: 1 / full, within }, planes, start + index * plane);
    });
    const edges = { source: mask.gradient, mask, placement, scale: 1 / 255, within: everywhere };
    this.#resample(edges, planes, start + gradientPlaneIndex * plane);
    if (this.planes === drawnPlaneCount) return;
    stainValues(stain).forEach((value, index) => {
      const from = start + (stainPlaneIndex + index) * plane;
      planes.fill(value, from, from + plane);
    });
  }

  #aim({ width, height }: FieldMask, { orientation, zoom, left, top }: MaskPlacement): void {
    const transposed = (orientation & 4) !== 0;
    const common = { zoom, blurPx: 0 };
    this.#across.set({ size: transposed ? height : width, start: left, length: this.#canvas.width, ...common });
    this.#down.set({ size: transposed ? width : height, start: top, length: this.#canvas.height, ...common });
  }

  #resample({ source, mask, placement, scale, within }: LaidPlane, planes: Float32Array, start: number): void {
    const { origin, across, down } = stridesOf(mask, placement.orientation);
    const { from, to } = columnsWithin(this.#across, within.across);
    const { perPixel, index, weight } = this.#across;
    const low = Math.max(this.#down.low, within.down.from);
    const high = Math.min(this.#down.high, within.down.to);
    const count = to - from;
    if (count <= 0 || high <= low) return;
    if (this.#rows.length < count * (high - low)) this.#rows = new Float32Array(count * (high - low));
    const rows = this.#rows;
    for (let row = low, out = 0; row < high; row++) {
      const rowStart = origin + row * down;
      for (let tap = from * perPixel, end = to * perPixel; tap < end; out++) {
        let sum = 0;
        for (const last = tap + perPixel; tap < last; tap++)
          sum += weight[tap]! * source[rowStart + index[tap]! * across]!;
        rows[out] = sum * scale;
      }
    }
    this.#addRows(planes, start, { from, count, low, high });
  }

  #addRows(planes: Float32Array, start: number, { from, count, low, high }: LaidRows): void {
    const rows = this.#rows;
    const { perPixel, index, weight } = this.#down;
    const end = this.#down.to;
    for (let y = this.#down.from; y < end; y++) {
      const line = start + y * this.#canvas.width + from;
      for (let tap = y * perPixel; tap < (y + 1) * perPixel; tap++) {
        const [share, source] = [weight[tap]!, index[tap]!];
        if (share === 0 || source < low || source >= high) continue;
        const row = (source - low) * count;
        for (let x = 0; x < count; x++) planes[line + x] = planes[line + x]! + share * rows[row + x]!;
      }
    }
  }
}

/** Rows of a plane that were resampled across: so many columns from `from` on, of the source's rows `low` to `high`. */
interface LaidRows {
  readonly from: number;
  readonly count: number;
  readonly low: number;
  readonly high: number;
}

/** The output pixels that take something from a range of source pixels. */
const columnsWithin = (taps: AxisTaps, range: Range): Range => {
  const { perPixel, index, weight } = taps;
  const touches = (out: number): boolean => {
    for (let tap = out * perPixel; tap < (out + 1) * perPixel; tap++)
      if (weight[tap]! > 0 && index[tap]! >= range.from && index[tap]! < range.to) return true;
    return false;
  };
  let { from, to } = taps;
  while (from < to && !touches(from)) from++;
  while (to > from && !touches(to - 1)) to--;
  return { from, to };
};

/** Whole numbers from `from` to `to`, exclusive. */
interface Range {
  readonly from: number;
  readonly to: number;
}

/** A rectangle of a mask, along the axes of a canvas. */
interface Rectangle {
  readonly across: Range;
  readonly down: Range;
}

/** The rectangle around the cells of a channel, along the canvas' axes; undefined where there are none. */
const rectangleOf = (mask: FieldMask, channel: PositionChannel, orientation: number): Rectangle | undefined => {
  let [left, top, right, bottom] = [mask.width, mask.height, 0, 0];
  for (const { cellClass, left: x, top: y, outline } of mask.cells) {
    if (!liesIn(cellClass, channel)) continue;
    left = Math.min(left, x);
    top = Math.min(top, y);
    right = Math.max(right, x + outline.width);
    bottom = Math.max(bottom, y + outline.height);
  }
  if (right <= left) return undefined;
  const flipped = (from: number, to: number, size: number, flip: boolean): Range =>
    flip ? { from: size - to, to: size - from } : { from, to };
  const x = flipped(left, right, mask.width, (orientation & 1) !== 0);
  const y = flipped(top, bottom, mask.height, (orientation & 2) !== 0);
  return (orientation & 4) === 0 ? { across: x, down: y } : { across: y, down: x };
};

const everywhere: Rectangle = {
  across: { from: 0, to: Number.POSITIVE_INFINITY },
  down: { from: 0, to: Number.POSITIVE_INFINITY },
};

interface LaidPlane {
  readonly source: Uint8Array;
  readonly mask: FieldMask;
  readonly placement: MaskPlacement;
  readonly scale: number;
  /** Outside of it the source is 0. */
  readonly within: Rectangle;
}

/** Strides of a mask along the canvas' axes, and where its first pixel is. */
const stridesOf = ({ width, height }: FieldMask, orientation: number) => {
  const flipX = (orientation & 1) !== 0;
  const flipY = (orientation & 2) !== 0;
  const origin = (flipX ? width - 1 : 0) + (flipY ? width * (height - 1) : 0);
  const [x, y] = [flipX ? -1 : 1, flipY ? -width : width];
  return (orientation & 4) === 0 ? { origin, across: x, down: y } : { origin, across: y, down: x };
};

/**
 * A mask's labels on a canvas, px of it: boxes as they are laid, not cut by the canvas' border; cells of which nothing
 * is on the canvas are left out.
 */
export const placedLabels = (mask: FieldMask, placement: MaskPlacement, canvasPx: number): readonly LabelledCell[] => {
  const { orientation, zoom, left, top } = placement;
  const placed = ({ cellClass, box }: { cellClass: CellClass; box: Box }): LabelledCell => {
    const [x0, x1] = (orientation & 1) === 0 ? [box.left, box.right] : [mask.width - box.right, mask.width - box.left];
    const [y0, y1] =
      (orientation & 2) === 0 ? [box.top, box.bottom] : [mask.height - box.bottom, mask.height - box.top];
    const [u0, u1, v0, v1] = (orientation & 4) === 0 ? [x0, x1, y0, y1] : [y0, y1, x0, x1];
    const laid = { left: left + zoom * u0, top: top + zoom * v0, right: left + zoom * u1, bottom: top + zoom * v1 };
    return { cellClass, box: laid };
  };
  return mask.labels
    .map(placed)
    .filter(({ box }) => box.right > 0 && box.bottom > 0 && box.left < canvasPx && box.top < canvasPx);
};
