/** A decoded picture: interleaved 8-bit sRGB, row by row, `width * height * 3` bytes, in a buffer of its own. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array<ArrayBuffer>;
}

export interface PictureLimits {
  /** More pixels than this are refused before anything is decoded. Default: `defaultMaxPixels`. */
  readonly maxPixels?: number;
}

/** 64 megapixels, 192 MB decoded: above every microscope camera, below what a small machine can hold. */
export const defaultMaxPixels = 64_000_000;
