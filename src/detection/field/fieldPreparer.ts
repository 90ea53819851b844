import { Resampler, type RgbSource } from "./resampler.js";

/** A picture brought to the network's scale and padded; valid until the next one is prepared. */
export interface PreparedField {
  /** RGBA, `paddedWidth * paddedHeight * 4` bytes; alpha 255 where the picture is, all 0 in the padding. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly paddedWidth: number;
  readonly paddedHeight: number;
  /** Size of the picture in it, px. */
  readonly width: number;
  readonly height: number;
  /** Pixels of the picture as it came per field px. */
  readonly framePixelsPerFieldPixel: number;
}

/** Sides of a field are multiples of this: the network halves four times. */
export const fieldMultiple = 16;

const padded = (side: number): number => Math.ceil(side / fieldMultiple) * fieldMultiple;

/** Size in field px of a picture of `width` by `height` px at a scale, at least one pixel each way. */
export const fieldSizeOf = (
  picture: { width: number; height: number },
  framePixelsPerFieldPixel: number,
): { width: number; height: number; paddedWidth: number; paddedHeight: number } => {
  const width = Math.max(1, Math.round(picture.width / framePixelsPerFieldPixel));
  const height = Math.max(1, Math.round(picture.height / framePixelsPerFieldPixel));
  return { width, height, paddedWidth: padded(width), paddedHeight: padded(height) };
};

/** A rectangle of a picture, px of the picture. */
export interface PicturePart {
  readonly originX: number;
  readonly originY: number;
  readonly width: number;
  readonly height: number;
}

/** Brings pictures, or parts of them, to the scale of the network. Memory grows to the largest field and is then reused. */
export class FieldPreparer {
  readonly #resampler = new Resampler();
  #memory = new Uint8Array(0);

  /**
   * @param framePixelsPerFieldPixel > 0: the network's um per pixel over the picture's
   */
  prepare(picture: RgbSource, framePixelsPerFieldPixel: number, part?: PicturePart): PreparedField {
    const whole = fieldSizeOf(part ?? picture, framePixelsPerFieldPixel);
    const { width, height, paddedWidth, paddedHeight } = whole;
    const size = paddedWidth * paddedHeight * 4;
    if (this.#memory.length < size) this.#memory = new Uint8Array(size);
    const bytes = this.#memory.subarray(0, size);
    const rowBytes = paddedWidth * 4;
    const scale = framePixelsPerFieldPixel;
    this.#resampler.resample(
      picture,
      {
        across: { length: picture.width, target: width, origin: part?.originX ?? 0, scale },
        down: { length: picture.height, target: height, origin: part?.originY ?? 0, scale },
      },
      { bytes, offset: 0, rowBytes, channels: 4 },
    );
    for (let row = 0; row < height; row++) bytes.fill(0, row * rowBytes + width * 4, (row + 1) * rowBytes);
    bytes.fill(0, height * rowBytes);
    return { bytes, paddedWidth, paddedHeight, width, height, framePixelsPerFieldPixel };
  }
}
