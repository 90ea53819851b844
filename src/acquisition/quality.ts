import { type Picture, type StainMeasure, StainMeter, strideOf, upperQuantile } from "../pictures/index.js";

export interface LightMeasure {
  /** Median of the green channel over the background, 0 to 255. */
  readonly backgroundLevel: number;
  /** Share of pixels whose green is at the upper or lower end of the scale. */
  readonly brightClippedShare: number;
  readonly darkClippedShare: number;
}

/** How good a field is to count in. The three scores are fractions: 0 useless, 1 as good as it gets. */
export interface FrameQuality {
  /**
   * How steep the outlines of cells are: s / (s + 0.04) for a slope of s background levels a pixel, so about 0.5 where the edges of
   * red cells are six pixels wide; near 0 where there are none. Independent of the light; to be compared between fields of
   * one objective, camera and stain.
   */
  readonly focus: number;
  /** Low where the background is dark or the picture clipped. */
  readonly light: number;
  /** Strength of the cells' colour against the background's. 0 in a grey picture. */
  readonly stain: number;
  /** Share of pixels that belong to an edge; with hardly any the field is empty or far out of focus. */
  readonly edgeShare: number;
  readonly lightMeasure: LightMeasure;
  readonly stainMeasure: StainMeasure;
}

/** Levels of the background below which the picture is black. */
const leastBackground = 8;
/** The steepest pixels of a field, as a share of all, that tell how sharp it is: the outlines of its cells. */
const outlineShare = 0.05;
/** Resolution of slopes, levels a pixel; the histogram ends at 64 levels a pixel. */
const slopeBin = 0.125;
/** Bins for one level in the sums of three differences over two pixels. */
const binsPerSum = 1 / (6 * slopeBin);
/** A pixel belongs to an edge from this slope on, share of the background's level a pixel. */
const edgeSlope = 0.015;
/** The slope that scores a half: a red cell's edge, a quarter darker than the background, six pixels wide. */
const halfScoreSlope = 0.04;
/** Colour strengths and levels at which the scores are full; set on smears of three collections. */
const fullStain = 0.25;
const darkLevel = 25;
const fullLevel = 140;
const clippingTolerated = 0.25;

const clamp = (value: number): number => Math.min(1, Math.max(0, value));

/** Measures frames. Holds the working memory, so that a frame costs none; the result depends on the frame alone. */
export class QualityMeter {
  readonly #stain = new StainMeter();
  readonly #slopes = new Uint32Array(512);

  /** Interleaved 8-bit sRGB of any size. */
  measure(picture: Picture): FrameQuality {
    const stainMeasure = this.#stain.measure(picture);
    const { background } = stainMeasure;
    const edges = this.#measureEdges(picture, strideOf(picture), background.green);
    const light = this.#light(background.green);
    return {
      focus: edges.focus,
      light: lightScore(light),
      stain: clamp(this.#stain.colourStrength / fullStain),
      edgeShare: edges.share,
      lightMeasure: light,
      stainMeasure,
    };
  }

  /**
   * Slopes of green (Prewitt: central differences over three rows or columns, which quietens noise) as shares of the
   * background's level a pixel. The slope that only the outlines of cells exceed falls with any blur, with or without noise.
   */
  #measureEdges(
    { width, height, pixels }: Picture,
    stride: number,
    background: number,
  ): { focus: number; share: number } {
    const slopes = this.#slopes.fill(0);
    if (background < leastBackground || width < 3 || height < 3) return { focus: 0, share: 0 };
    const row = 3 * width;
    const steepest = slopes.length - 1;
    let samples = 0;
    for (let y = 1 + (stride >> 1); y < height - 1; y += stride) {
      const end = y * row + 3 * (width - 1);
      for (let at = y * row + 3 * (1 + (stride >> 1)) + 1; at < end; at += 3 * stride) {
        const fall = pixels[at + row + 3]! - pixels[at - row - 3]!;
        const rise = pixels[at - row + 3]! - pixels[at + row - 3]!;
        const across = pixels[at + 3]! - pixels[at - 3]! + fall + rise;
        const down = pixels[at + row]! - pixels[at - row]! + fall - rise;
        const bin = (Math.sqrt(across * across + down * down) * binsPerSum) | 0;
        slopes[Math.min(bin, steepest)]!++;
        samples++;
      }
    }
    if (samples === 0) return { focus: 0, share: 0 };
    const outline = (upperQuantile(slopes, samples, outlineShare) * slopeBin) / background;
    let edges = 0;
    for (let bin = Math.ceil((edgeSlope * background) / slopeBin); bin < slopes.length; bin++) edges += slopes[bin]!;
    return { focus: outline / (outline + halfScoreSlope), share: edges / samples };
  }

  #light(backgroundLevel: number): LightMeasure {
    return {
      backgroundLevel,
      brightClippedShare: this.#stain.greenShare(254, 255),
      darkClippedShare: this.#stain.greenShare(0, 1),
    };
  }
}

function lightScore({ backgroundLevel, brightClippedShare, darkClippedShare }: LightMeasure): number {
  const level = clamp((backgroundLevel - darkLevel) / (fullLevel - darkLevel));
  // Some laboratories expose the background to white on purpose; cells that are white are lost.
  const clipped = Math.max(0, brightClippedShare - clippingTolerated) + darkClippedShare;
  return level * clamp(1 - clipped);
}
