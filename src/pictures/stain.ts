import type { Picture } from "./picture.js";

/** A colour, 0 to 255 each. */
export interface Colour {
  readonly red: number;
  readonly green: number;
  readonly blue: number;
}

/** Median colours; those of cells are missing where fewer than one pixel in 500 looks like them. */
export interface StainMeasure {
  readonly background: Colour;
  readonly redCells?: Colour;
  readonly nuclei?: Colour;
}

/** About so many pixels are looked at, whatever the size of the picture: the cost of a picture has a bound. */
const samplesWanted = 20_000;
/** Glints and dust may be brighter than the background on so much of the field. */
const speckShare = 0.02;
/** Optical density (natural logarithm) of green from which a pixel belongs to a cell. */
const cellDensity = 0.12;
/** Nuclei absorb red nearly as they absorb green; haemoglobin and eosin let it through. */
const nucleusDensity = 0.45;
const nucleusRedShare = 0.5;
const leastShare = 0.002;

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
export function upperQuantile(histogram: Uint32Array, total: number, share: number): number {
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
export const strideOf = ({ width, height }: Picture): number =>
  Math.max(1, Math.round(Math.sqrt((width * height) / samplesWanted)));

/** Measures stains. Holds the working memory, so that a picture costs none; the result depends on the picture alone. */
export class StainMeter {
  readonly #greens = new Uint32Array(256);
  readonly #background = new ColourHistogram();
  readonly #redCells = new ColourHistogram();
  readonly #nuclei = new ColourHistogram();
  /** The pixels looked at: red in the lowest byte, then green and blue. */
  #pixels = new Uint32Array(2 * samplesWanted);
  #samples = 0;
  #colourStrength = 0;

  /** Interleaved 8-bit sRGB of any size. */
  measure(picture: Picture): StainMeasure {
    this.#sample(picture, strideOf(picture));
    this.#countGreens();
    // The background is the brightest thing that covers more than specks of light do.
    const brightest = upperQuantile(this.#greens, this.#samples, speckShare);
    this.#countBackground(Math.floor((brightest + 1) * Math.exp(-cellDensity)));
    const background = this.#background.median;
    this.#countCells(background);
    return this.#stain(background);
  }

  /** Mean of optical density in green less that in red over the cells of the picture measured last; 0 without cells. */
  get colourStrength(): number {
    return this.#colourStrength;
  }

  /** Share of the picture measured last whose green is `from` to `to`, both inclusive. */
  greenShare(from: number, to: number): number {
    let count = 0;
    for (let level = from; level <= to; level++) count += this.#greens[level]!;
    return count / this.#samples;
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

  #stain(background: Colour): StainMeasure {
    const least = leastShare * this.#samples;
    return {
      background,
      ...(this.#redCells.count > least ? { redCells: this.#redCells.median } : {}),
      ...(this.#nuclei.count > least ? { nuclei: this.#nuclei.median } : {}),
    };
  }
}
