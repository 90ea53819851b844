/** A rectangle of the slide's grid of pixels. */
export interface PixelRect {
  readonly leftPx: number;
  readonly topPx: number;
  readonly width: number;
  readonly height: number;
}

/** Painted light is kept in steps of 1/128 of a level of 8-bit sRGB, so that blur does not add up rounding. */
export const stepsPerLevel = 128;

/** Paints what is in focus on the slide, pixel by pixel the same however the rectangle lies and whatever was painted before. */
export interface LightPainter {
  /**
   * Makes ready for painting a rectangle; painting one that was not made ready is an error where it takes preparation.
   * @param isWanted asked now and then; where it says no, the rest is left undone
   */
  prepare(rect: PixelRect, isWanted?: () => boolean): Promise<void>;
  /** Interleaved RGB in steps of 1/128 level, `width * height * 3`; valid until the next call. */
  paint(rect: PixelRect): Uint16Array<ArrayBuffer>;
}
