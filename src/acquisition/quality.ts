import type { Picture } from "../pictures/index.js";

/** A colour, 0 to 255 each. */
export interface Colour {
  readonly red: number;
  readonly green: number;
  readonly blue: number;
}

export interface LightMeasure {
  /** Median of the green channel over the background, 0 to 255. */
  readonly backgroundLevel: number;
  /** Share of pixels whose green is at the upper or lower end of the scale. */
  readonly brightClippedShare: number;
  readonly darkClippedShare: number;
}

/** Median colours; those of cells are missing where fewer than one pixel in 500 looks like them. */
export interface StainMeasure {
  readonly background: Colour;
  readonly redCells?: Colour;
  readonly nuclei?: Colour;
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

/** About so many pixels are looked at, whatever the size of the frame: the cost of a frame has a bound. */
const samplesWanted = 20_000;
/** Glints and dust may be brighter than the background on so much of the field. */
const speckShare = 0.02;
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
/** Optical density (natural logarithm) of green from which a pixel belongs to a cell. */
const cellDensity = 0.12;
/** Nuclei absorb red nearly as they absorb green; haemoglobin and eosin let it through. */
const nucleusDensity = 0.45;
const nucleusRedShare = 0.5;
const leastShare = 0.002;
/** Colour strengths and levels at which the scores are full; set on smears of three collections. */
const fullStain = 0.25;
const darkLevel = 25;
const fullLevel = 140;
const clippingTolerated = 0.25;

const clamp = (value: number): number => Math.min(1, Math.max(0, value));

const logOf = Float32Array.from({ length: 256 }, (_, value) => Math.log(value + 1));

/** The value below which half of a histogram's counts lie. */
function medianOf(histogram: Uint32Array, total: number): number {
  let seen = 0;
  for (let value = 0; value < histogram.length; value++) {
    seen += histogram[value]!;
    if (2 * seen >= total) return value;
  }
  return histogram.length - 1;
}

/** The value from which on lie at most `share` of a histogram's counts. */
function upperQuantile(histogram: Uint32Array, total: number, share: number): number {
  let seen = 0;
  for (let value = histogram.length - 1; value > 0; value--) {
    seen += histogram[value]!;
    if (seen > share * total) return value;
  }
  return 0;
}

/** Histograms of the three channels of a set of pixels, used again. */
class ColourHistogram {
  readonly bins = new Uint32Array(3 * 256);
  count = 0;

  clear(): void {
    this.bins.fill(0);
    this.count = 0;
  }

  get median(): Colour {
    const channel = (index: number): number => medianOf(this.bins.subarray(256 * index, 256 * (index + 1)), this.count);
    return { red: channel(0), green: channel(1), blue: channel(2) };
  }
}

/** Every how many pixels, across and down, one is looked at. */
const strideOf = ({ width, height }: Picture): number =>
  Math.max(1, Math.round(Math.sqrt((width * height) / samplesWanted)));

/** Measures frames. Holds the working memory, so that a frame costs none; the result depends on the frame alone. */
export class QualityMeter {
  readonly #greens = new Uint32Array(256);
  readonly #background = new ColourHistogram();
  readonly #redCells = new ColourHistogram();
  readonly #nuclei = new ColourHistogram();
  readonly #slopes = new Uint32Array(512);
  /** The pixels looked at: red in the lowest byte, then green and blue. */
  #pixels = new Uint32Array(2 * samplesWanted);
  #samples = 0;
  #colourStrength = 0;

  /** Interleaved 8-bit sRGB of any size. */
  measure(picture: Picture): FrameQuality {
    const stride = strideOf(picture);
    this.#sample(picture, stride);
    this.#countGreens();
    // The background is the brightest thing that covers more than specks of light do.
    const brightest = upperQuantile(this.#greens, this.#samples, speckShare);
    this.#countBackground(Math.floor((brightest + 1) * Math.exp(-cellDensity)));
    const background = this.#background.median;
    this.#countCells(background);
    const edges = this.#measureEdges(picture, stride, background.green);
    const light = this.#light(background.green);
    return {
      focus: edges.focus,
      light: lightScore(light),
      stain: clamp(this.#colourStrength / fullStain),
      edgeShare: edges.share,
      lightMeasure: light,
      stainMeasure: this.#stain(background),
    };
  }

  #sample({ width, height, pixels }: Picture, stride: number): void {
    const most = Math.ceil(width / stride) * Math.ceil(height / stride);
    if (this.#pixels.length < most) this.#pixels = new Uint32Array(most);
    const packed = this.#pixels;
    let samples = 0;
    for (let y = Math.min(stride >> 1, height - 1); y < height; y += stride) {
      const end = 3 * width * (y + 1);
      for (let at = 3 * (y * width + Math.min(stride >> 1, width - 1)); at < end; at += 3 * stride)
        packed[samples++] = pixels[at]! | (pixels[at + 1]! << 8) | (pixels[at + 2]! << 16);
    }
    this.#samples = samples;
  }

  #countGreens(): void {
    const greens = this.#greens.fill(0);
    const packed = this.#pixels;
    for (let i = 0, end = this.#samples; i < end; i++) greens[(packed[i]! >> 8) & 255]!++;
  }

  #countBackground(threshold: number): void {
    const background = this.#background;
    background.clear();
    const { bins } = background;
    const packed = this.#pixels;
    let count = 0;
    for (let i = 0, end = this.#samples; i < end; i++) {
      const pixel = packed[i]!;
      const green = (pixel >> 8) & 255;
      if (green < threshold) continue;
      bins[pixel & 255]!++;
      bins[256 + green]!++;
      bins[512 + (pixel >> 16)]!++;
      count++;
    }
    background.count = count;
  }

  /** Optical densities against the background tell cells from it, and nuclei from red cells. */
  #countCells(background: Colour): void {
    const redCells = this.#redCells;
    const nuclei = this.#nuclei;
    redCells.clear();
    nuclei.clear();
    const logRed = logOf[background.red]!;
    const logGreen = logOf[background.green]!;
    const packed = this.#pixels;
    let strength = 0;
    let cells = 0;
    for (let i = 0, end = this.#samples; i < end; i++) {
      const pixel = packed[i]!;
      const green = (pixel >> 8) & 255;
      const greenDensity = logGreen - logOf[green]!;
      if (greenDensity < cellDensity) continue;
      const redDensity = logRed - logOf[pixel & 255]!;
      strength += greenDensity - redDensity;
      const isNucleus = greenDensity > nucleusDensity && redDensity > nucleusRedShare * greenDensity;
      const bins = isNucleus ? nuclei.bins : redCells.bins;
      bins[pixel & 255]!++;
      bins[256 + green]!++;
      bins[512 + (pixel >> 16)]!++;
      if (isNucleus) nuclei.count++;
      cells++;
    }
    redCells.count = cells - nuclei.count;
    this.#colourStrength = cells < leastShare * this.#samples ? 0 : strength / cells;
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
    const greens = this.#greens;
    return {
      backgroundLevel,
      brightClippedShare: (greens[255]! + greens[254]!) / this.#samples,
      darkClippedShare: (greens[0]! + greens[1]!) / this.#samples,
    };
  }

  #stain(background: Colour): StainMeasure {
    const least = leastShare * this.#samples;
    return {
      background,
      ...(this.#redCells.count > least ? { redCells: this.#redCells.median } : {}),
      ...(this.#nuclei.count > least ? { nuclei: this.#nuclei.median } : {}),
    };
  }
}

function lightScore({ backgroundLevel, brightClippedShare, darkClippedShare }: LightMeasure): number {
  const level = clamp((backgroundLevel - darkLevel) / (fullLevel - darkLevel));
  // Some laboratories expose the background to white on purpose; cells that are white are lost.
  const clipped = Math.max(0, brightClippedShare - clippingTolerated) + darkClippedShare;
  return level * clamp(1 - clipped);
}
