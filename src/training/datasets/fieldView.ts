import { AxisTaps } from "./axisTaps.js";
import type { ColourChange, ColourRow } from "./colourJitter.js";
import type { StoredField } from "./fieldPictures.js";
import type { FieldBatch } from "./fieldTargets.js";

/** How a field is laid on the canvas. */
export interface Placement {
  /** 0 to 7; bit 0 flips across, bit 1 flips down, bit 2 transposes (after the flips). */
  readonly orientation: number;
  /** Canvas px per px of the stored field. */
  readonly zoom: number;
  /** Canvas coordinates of the laid field's left and top border. */
  readonly left: number;
  readonly top: number;
  /** Standard deviation of the Gaussian blur, canvas px. */
  readonly blurPx: number;
}

/** Size of a stored field on the canvas. */
export const laidSize = (field: StoredField, orientation: number, zoom: number): readonly [number, number] =>
  (orientation & 4) === 0 ? [field.width * zoom, field.height * zoom] : [field.height * zoom, field.width * zoom];

/** The boxes of a stored field on the canvas, into `to`; as labelled, not clipped. */
export const layBoxes = (field: StoredField, placement: Placement, to: Float32Array): void => {
  const { orientation, zoom, left, top } = placement;
  const { boxes, width, height } = field;
  for (let at = 0; at < boxes.length; at += 4) {
    const flipX = (orientation & 1) !== 0;
    const flipY = (orientation & 2) !== 0;
    const x0 = flipX ? width - boxes[at + 2]! : boxes[at]!;
    const x1 = flipX ? width - boxes[at]! : boxes[at + 2]!;
    const y0 = flipY ? height - boxes[at + 3]! : boxes[at + 1]!;
    const y1 = flipY ? height - boxes[at + 1]! : boxes[at + 3]!;
    const transposed = (orientation & 4) !== 0;
    to[at] = left + zoom * (transposed ? y0 : x0);
    to[at + 1] = top + zoom * (transposed ? x0 : y0);
    to[at + 2] = left + zoom * (transposed ? y1 : x1);
    to[at + 3] = top + zoom * (transposed ? x1 : y1);
  }
};

/** Draws placed fields into a batch; owns the scratch memory that it takes, so that drawing allocates nothing. */
export class FieldPainter {
  readonly #across = new AxisTaps();
  readonly #down = new AxisTaps();
  #rows = new Float32Array(0);
  readonly #line: Float32Array;

  constructor(private readonly canvasPx: number) {
    this.#line = new Float32Array(3 * canvasPx);
  }

  /** Lays a field on a sample of RGBA [N,S,S,4]; alpha is 255 where the field is, all else 0. */
  paint(batch: Pick<FieldBatch, "field">, sample: number, view: FieldView): void {
    const { field, placement } = view;
    const size = this.canvasPx;
    const start = sample * size * size * 4;
    batch.field.fill(0, start, start + size * size * 4);
    const transposed = (placement.orientation & 4) !== 0;
    const { zoom, blurPx } = placement;
    const sizes = transposed ? [field.height, field.width] : [field.width, field.height];
    this.#across.set({ size: sizes[0]!, start: placement.left, zoom, length: size, blurPx });
    this.#down.set({ size: sizes[1]!, start: placement.top, zoom, length: size, blurPx });
    this.#resampleAcross(field, placement.orientation);
    this.#resampleDown(batch.field, start, view);
  }

  /** Byte strides of the stored field along the canvas' axes, and where its first pixel is. */
  #strides({ width, height }: StoredField, orientation: number): { origin: number; across: number; down: number } {
    const flipX = (orientation & 1) !== 0;
    const flipY = (orientation & 2) !== 0;
    const strideX = flipX ? -3 : 3;
    const strideY = flipY ? -3 * width : 3 * width;
    const origin = (flipX ? 3 * (width - 1) : 0) + (flipY ? 3 * width * (height - 1) : 0);
    return (orientation & 4) === 0
      ? { origin, across: strideX, down: strideY }
      : { origin, across: strideY, down: strideX };
  }

  #resampleAcross(field: StoredField, orientation: number): void {
    const { pixels } = field;
    const { origin, across, down } = this.#strides(field, orientation);
    const { from, to, perPixel, index, weight } = this.#across;
    const { low, high } = this.#down;
    const width = 3 * (to - from);
    if (this.#rows.length < width * (high - low)) this.#rows = new Float32Array(width * (high - low));
    const rows = this.#rows;
    for (let row = low, out = 0; row < high; row++) {
      const rowStart = origin + row * down;
      for (let tap = from * perPixel, end = to * perPixel; tap < end; out += 3) {
        let red = 0;
        let green = 0;
        let blue = 0;
        for (const last = tap + perPixel; tap < last; tap++) {
          const share = weight[tap]!;
          const at = rowStart + index[tap]! * across;
          red += share * pixels[at]!;
          green += share * pixels[at + 1]!;
          blue += share * pixels[at + 2]!;
        }
        rows[out] = red;
        rows[out + 1] = green;
        rows[out + 2] = blue;
      }
    }
  }

  #resampleDown(target: Uint8Array, start: number, { colours, noise, noiseAt, noiseScale }: FieldView): void {
    const { from, to } = this.#across;
    const { perPixel, index, weight, low } = this.#down;
    const width = 3 * (to - from);
    const line = this.#line;
    const rows = this.#rows;
    const size = this.canvasPx;
    for (let y = this.#down.from; y < this.#down.to; y++) {
      line.fill(0, 0, width);
      for (let tap = y * perPixel; tap < (y + 1) * perPixel; tap++) {
        const share = weight[tap]!;
        if (share === 0) continue;
        const rowStart = (index[tap]! - low) * width;
        for (let at = 0; at < width; at++) line[at] = line[at]! + share * rows[rowStart + at]!;
      }
      const lineStart = start + 4 * (y * size + from);
      const row: ColourRow = {
        source: line,
        from: 0,
        target,
        to: lineStart,
        step: 4,
        count: to - from,
        noise,
        noiseAt: noiseAt + y * size * 3,
        noiseScale,
      };
      colours.apply(row);
      for (let at = lineStart + 3, end = lineStart + 4 * (to - from); at < end; at += 4) target[at] = 255;
    }
  }
}

/** A field, where it is laid, and how its colours are changed. */
export interface FieldView {
  readonly field: StoredField;
  readonly placement: Placement;
  readonly colours: ColourChange;
  readonly noise: Float32Array;
  readonly noiseAt: number;
  readonly noiseScale: number;
}
