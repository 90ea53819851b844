import { Resampler, type RgbSource } from "./resampler.js";

/** Where the square crops are and how large. */
export interface CropRequest {
  /** Centres in px of the picture. */
  readonly centres: readonly { readonly x: number; readonly y: number }[];
  /** Side of the square in px of the picture. */
  readonly side: number;
  /** Side of the crop in px of the crop. */
  readonly cropPx: number;
}

/** Cuts the classifier's crops from the picture at full resolution. Memory grows to the largest batch and is reused. */
export class CropPreparer {
  readonly #resampler = new Resampler();
  #memory = new Uint8Array(0);

  /**
   * Squares around the centres, resampled to `cropPx`, edge replicated outside the picture.
   * @returns RGB [centres, cropPx, cropPx, 3], valid until the next call
   */
  cut(picture: RgbSource, { centres, side, cropPx }: CropRequest): Uint8Array<ArrayBuffer> {
    const cropBytes = cropPx * cropPx * 3;
    const size = centres.length * cropBytes;
    if (this.#memory.length < size) this.#memory = new Uint8Array(size);
    const bytes = this.#memory.subarray(0, size);
    const scale = side / cropPx;
    centres.forEach(({ x, y }, index) => {
      this.#resampler.resample(
        picture,
        {
          across: { length: picture.width, target: cropPx, origin: x - side / 2, scale },
          down: { length: picture.height, target: cropPx, origin: y - side / 2, scale },
        },
        { bytes, offset: index * cropBytes, rowBytes: cropPx * 3, channels: 3 },
      );
    });
    return bytes;
  }
}
