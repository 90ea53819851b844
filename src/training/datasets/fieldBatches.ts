import { CytoError, createRandom, densityClasses } from "../../core/index.js";
import { ColourChange, type ColourJitter } from "./colourJitter.js";
import type { LabelledField } from "./dataset.js";
import { type FieldPictureOptions, loadFieldPictures, type StoredField } from "./fieldPictures.js";
import { type FieldBatch, mapStride, TargetPainter } from "./fieldTargets.js";
import { FieldPainter, laidSize, layBoxes, type Placement } from "./fieldView.js";
import { groupByDataset, joinMade, type MadeSamples, SampleOrder, type SamplerState } from "./sampleOrder.js";

/** How fields are varied. */
export interface FieldAugmentation extends ColourJitter {
  /** Diameter of a red cell on the canvas before `scale`, px. */
  readonly redCellPx: number;
  /** Half-width of the uniform range about 1 of the factor on that diameter. */
  readonly scale: number;
  /** Part of the samples that are blurred. */
  readonly blurredPart: number;
  /** Greatest standard deviation of the Gaussian blur, canvas px. */
  readonly blurPx: number;
  /** Part of the samples that get noise. */
  readonly noisyPart: number;
  /** Greatest standard deviation of the noise, 8-bit steps. */
  readonly noise: number;
}

export const fieldAugmentation: FieldAugmentation = {
  redCellPx: 32,
  scale: 0.15,
  contrast: 0.15,
  brightness: 0.05,
  gain: 0.07,
  gamma: 0.12,
  hueDegrees: 6,
  saturation: 0.12,
  blurredPart: 0.2,
  blurPx: 0.9,
  noisyPart: 0.4,
  noise: 4,
};

export interface FieldSamplerOptions extends Pick<FieldPictureOptions, "onLoaded" | "cache"> {
  readonly fields: readonly LabelledField[];
  /** Side of the square canvas, px; even. Default 192. */
  readonly canvasPx?: number | undefined;
  /** Samples a batch. */
  readonly batch: number;
  readonly seed: number;
  /**
   * Share of the samples by name of the data set, relative to one another; a set that is not named has the number of its
   * fields. Within a set all fields come equally often.
   */
  readonly weights?: Readonly<Record<string, number>> | undefined;
  readonly augmentation?: Partial<FieldAugmentation> | undefined;
  /** Made fields, which are `ratio` of the samples; the real ones keep their shares of the rest. */
  readonly made?: MadeSamples<StoredField> | undefined;
}

export interface FieldSampler {
  readonly canvasPx: number;
  readonly batch: number;
  /** The next batch, in one of two sets of buffers in turn: valid until the call after the next. */
  next(): FieldBatch;
  state(): SamplerState;
  /** Goes on bit for bit where `state` was taken, given the same options. @throws CytoError CHECKPOINT_INVALID */
  restore(state: SamplerState): void;
}

/** Fields are kept this much larger than they are laid, so that a sample is as sharp as the field that is searched. */
const storedOversize = 2;
const noiseTableLength = 1 << 16;
/** Of the samples of a field that is larger than the canvas, so many begin at its border, along each axis. */
const borderPart = 0.5;
/** In the others its far border may come this far in, px. */
const borderMarginPx = 12;

export const createFieldBatch = (batch: number, canvasPx: number): FieldBatch => {
  const map = batch * densityClasses.length * (canvasPx / mapStride) ** 2;
  return {
    field: new Uint8Array(batch * canvasPx * canvasPx * 4),
    density: new Float32Array(map),
    extent: new Float32Array(4 * map),
    extentWeight: new Float32Array(map),
    valid: new Float32Array(map),
  };
};

export const normalTable = (seed: number, length: number = noiseTableLength): Float32Array => {
  const random = createRandom(seed);
  return Float32Array.from({ length }, () => random.normal());
};

class Sampler implements FieldSampler {
  readonly batch: number;
  readonly #order;
  readonly #buffers: readonly [FieldBatch, FieldBatch];
  #turn = 0;
  readonly #painter: FieldPainter;
  readonly #targets: TargetPainter;
  readonly #colours = new ColourChange();
  readonly #noise = normalTable(1);
  readonly #boxes: Float32Array;

  constructor(
    fields: readonly StoredField[],
    readonly canvasPx: number,
    private readonly augmentation: FieldAugmentation,
    { batch, seed, weights = {}, made }: Pick<FieldSamplerOptions, "batch" | "seed" | "weights" | "made">,
  ) {
    this.batch = batch;
    const madeGroups = made && made.items.length > 0 ? [{ items: made.items, share: 1 }] : [];
    const groups = joinMade(groupByDataset(fields, weights), madeGroups, made?.ratio ?? 0);
    this.#order = new SampleOrder(groups, seed);
    this.#buffers = [createFieldBatch(batch, canvasPx), createFieldBatch(batch, canvasPx)];
    this.#painter = new FieldPainter(canvasPx);
    this.#targets = new TargetPainter(canvasPx);
    const all = [...fields, ...(made?.items ?? [])];
    this.#boxes = new Float32Array(all.reduce((most, { boxes }) => Math.max(most, boxes.length), 0));
  }

  next(): FieldBatch {
    const batch = this.#buffers[this.#turn]!;
    this.#turn = 1 - this.#turn;
    for (let sample = 0; sample < this.batch; sample++) this.#draw(batch, sample, this.#order.next());
    return batch;
  }

  state(): SamplerState {
    return this.#order.state();
  }

  restore(state: SamplerState): void {
    this.#order.restore(state);
  }

  #place(field: StoredField): Placement {
    const { redCellPx, scale, blurredPart, blurPx } = this.augmentation;
    const random = this.#order.random;
    const orientation = random.int(8);
    const zoom = (redCellPx * (1 + scale * (2 * random.next() - 1))) / field.redCellPx;
    const [width, height] = laidSize(field, orientation, zoom);
    const place = (length: number): number => {
      const [atBorder, shift] = [random.next() < borderPart, random.next()];
      const free = this.canvasPx - length;
      return free >= 0 || atBorder ? 0 : shift * (free - borderMarginPx);
    };
    const left = place(width);
    const top = place(height);
    const blurred = random.next() < blurredPart;
    const blur = random.next() * blurPx;
    return { orientation, zoom, left, top, blurPx: blurred ? blur : 0 };
  }

  #draw(batch: FieldBatch, sample: number, field: StoredField): void {
    const random = this.#order.random;
    const placement = this.#place(field);
    this.#colours.draw(random, this.augmentation);
    const noisy = random.next() < this.augmentation.noisyPart;
    const noiseScale = random.next() * this.augmentation.noise;
    this.#painter.paint(batch, sample, {
      field,
      placement,
      colours: this.#colours,
      noise: this.#noise,
      noiseAt: random.int(noiseTableLength),
      noiseScale: noisy ? noiseScale : 0,
    });
    layBoxes(field, placement, this.#boxes);
    const [width, height] = laidSize(field, placement.orientation, placement.zoom);
    this.#targets.paint(batch, sample, {
      left: placement.left,
      top: placement.top,
      right: placement.left + width,
      bottom: placement.top + height,
      boxes: this.#boxes,
      classes: field.classes,
      count: field.classes.length,
      incomplete: field.incomplete,
    });
  }
}

/**
 * Loads fields and makes an endless source of batches of varied samples from them, the same for the same seed: each a
 * field laid on a square canvas in one of eight orientations and at a drawn scale, with drawn changes of colour, blur and
 * noise, and the targets of the detector (see FieldBatch). A cell that the canvas cuts is a cell, with the box
 * that is left of it, where at least 0.4 of its side across is seen; else its area is not believed.
 *
 * A field lies at the canvas' left and top border, as the detector lays it: the network's padding is not the same to it as
 * an empty part of the field, and what it makes of the slivers of cells there differs.
 *
 * @throws CytoError IMAGE_UNREADABLE, DATASET_INVALID, USAGE
 */
export const createFieldSampler = async (options: FieldSamplerOptions): Promise<FieldSampler> => {
  const { fields, canvasPx = 192, onLoaded, cache } = options;
  if (!Number.isInteger(canvasPx / mapStride) || canvasPx <= 0)
    throw new CytoError("USAGE", `the canvas' side is an even number of px, not ${canvasPx}`);
  const augmentation = { ...fieldAugmentation, ...options.augmentation };
  const stored = await loadFieldPictures(fields, {
    redCellPx: storedOversize * augmentation.redCellPx,
    onLoaded,
    cache,
  });
  return new Sampler(stored, canvasPx, augmentation, options);
};
