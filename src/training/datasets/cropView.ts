import type { ColourChange } from "./colourJitter.js";

/** How a stored crop is seen: an affine map from output px to stored px. */
export interface CropPlacement {
  /** Counter-clockwise rotation, radians. */
  readonly angle: number;
  readonly flip: boolean;
  /** Stored px per output px. */
  readonly step: number;
  /** Shift of the centre, stored px. */
  readonly shiftX: number;
  readonly shiftY: number;
  /** Standard deviation of the Gaussian blur, output px. */
  readonly blurPx: number;
}

/** Draws varied crops; owns the scratch memory that it takes, so that drawing allocates nothing. */
export class CropPainter {
  readonly #values: Float32Array;
  readonly #blurred: Float32Array;
  readonly #kernel = new Float32Array(17);

  /** @param sidePx side of the output, px */
  constructor(private readonly sidePx: number) {
    this.#values = new Float32Array(3 * sidePx * sidePx);
    this.#blurred = new Float32Array(3 * sidePx * sidePx);
  }

  /** Draws one crop into `target` from byte `to` on. */
  paint(
    source: { readonly pixels: Uint8Array; readonly sidePx: number },
    placement: CropPlacement,
    look: {
      readonly colours: ColourChange;
      readonly noise: Float32Array;
      readonly noiseAt: number;
      readonly noiseScale: number;
    },
    { target, to }: { readonly target: Uint8Array; readonly to: number },
  ): void {
    this.#sample(source.pixels, source.sidePx, placement);
    if (placement.blurPx > 0) this.#blur(placement.blurPx);
    const count = this.sidePx * this.sidePx;
    look.colours.apply({ source: this.#values, from: 0, target, to, step: 3, count, ...look });
  }

  /** Bilinear sampling; edge pixels are repeated beyond the border. */
  #sample(pixels: Uint8Array, size: number, { angle, flip, step, shiftX, shiftY }: CropPlacement): void {
    const side = this.sidePx;
    const values = this.#values;
    const [cos, sin] = [step * Math.cos(angle), step * Math.sin(angle)];
    const mirrored = flip ? -1 : 1;
    const middle = (side - 1) / 2;
    const last = size - 1;
    for (let y = 0, out = 0; y < side; y++) {
      let sourceX = last / 2 + shiftX - mirrored * cos * middle - sin * (y - middle);
      let sourceY = last / 2 + shiftY - mirrored * sin * middle + cos * (y - middle);
      for (let x = 0; x < side; x++, out += 3, sourceX += mirrored * cos, sourceY += mirrored * sin) {
        const atX = sourceX <= 0 ? 0 : Math.min(sourceX, last);
        const atY = sourceY <= 0 ? 0 : Math.min(sourceY, last);
        const left = atX | 0;
        const top = atY | 0;
        const partX = atX - left;
        const partY = atY - top;
        const upper = 3 * (top * size + left);
        const across = left < last ? 3 : 0;
        const lower = upper + (top < last ? 3 * size : 0);
        const w11 = partX * partY;
        const w01 = partX - w11;
        const w10 = partY - w11;
        const w00 = 1 - partX - w10;
        for (let channel = 0; channel < 3; channel++) {
          values[out + channel] =
            w00 * pixels[upper + channel]! +
            w01 * pixels[upper + across + channel]! +
            w10 * pixels[lower + channel]! +
            w11 * pixels[lower + across + channel]!;
        }
      }
    }
  }

  #blur(sigma: number): void {
    const radius = Math.min(Math.ceil(2.5 * sigma), 8);
    let sum = 0;
    for (let tap = -radius; tap <= radius; tap++) {
      const weight = Math.exp(-((tap / sigma) ** 2) / 2);
      this.#kernel[tap + radius] = weight;
      sum += weight;
    }
    for (let tap = 0; tap <= 2 * radius; tap++) this.#kernel[tap] = this.#kernel[tap]! / sum;
    this.#blurAlong(this.#values, this.#blurred, { stride: 3, radius });
    this.#blurAlong(this.#blurred, this.#values, { stride: 3 * this.sidePx, radius });
  }

  /** Convolves along x (`stride` 3) or y (`stride` a row), edge values repeated. */
  #blurAlong(from: Float32Array, to: Float32Array, { stride, radius }: { stride: number; radius: number }): void {
    const side = this.sidePx;
    const kernel = this.#kernel;
    const crossStride = stride === 3 ? 3 * side : 3;
    for (let line = 0; line < side; line++) {
      for (let position = 0; position < side; position++) {
        const out = line * crossStride + position * stride;
        let red = 0;
        let green = 0;
        let blue = 0;
        for (let tap = -radius; tap <= radius; tap++) {
          const near = position + tap;
          const at = line * crossStride + (near < 0 ? 0 : near >= side ? side - 1 : near) * stride;
          const weight = kernel[tap + radius]!;
          red += weight * from[at]!;
          green += weight * from[at + 1]!;
          blue += weight * from[at + 2]!;
        }
        to[out] = red;
        to[out + 1] = green;
        to[out + 2] = blue;
      }
    }
  }
}
