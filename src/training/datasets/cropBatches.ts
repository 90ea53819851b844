import { CytoError, leukocyteClasses } from "../../core/index.js";
import { ColourChange, type ColourJitter } from "./colourJitter.js";
import { type CropPictureOptions, cropPx, cropUm, loadCrops, type StoredCrop } from "./cropPictures.js";
import { CropPainter, type CropPlacement } from "./cropView.js";
import type { LabelledField } from "./dataset.js";
import { normalTable } from "./fieldBatches.js";
import type { Group } from "./passes.js";
import { joinMade, type MadeSamples, SampleOrder, type SamplerState } from "./sampleOrder.js";

/** Buffers of one batch of the classifier. */
export interface CropBatch {
  /** [N, 96, 96, 3] RGB. */
  readonly crops: Uint8Array;
  /** [N, 7] probabilities over leukocyteClasses, smoothed. */
  readonly labels: Float32Array;
}

/** How crops are varied: any rotation and flip always, the rest by these. */
export interface CropAugmentation extends ColourJitter {
  /** Half-width of the uniform range about 1 of the factor on the size. */
  readonly scale: number;
  /** Half-width of the shift along each axis, um. */
  readonly shiftUm: number;
  readonly blurredPart: number;
  /** Greatest standard deviation of the Gaussian blur, px of the 96. */
  readonly blurPx: number;
  readonly noisyPart: number;
  /** Greatest standard deviation of the noise, 8-bit steps. */
  readonly noise: number;
}

export const cropAugmentation: CropAugmentation = {
  scale: 0.15,
  shiftUm: 0.8,
  contrast: 0.2,
  brightness: 0.06,
  gain: 0.1,
  gamma: 0.2,
  hueDegrees: 8,
  saturation: 0.2,
  blurredPart: 0.3,
  blurPx: 1.2,
  noisyPart: 0.3,
  noise: 5,
};

export interface CropSamplerOptions extends CropPictureOptions {
  readonly fields: readonly LabelledField[];
  readonly batch: number;
  readonly seed: number;
  /** Probability that is spread evenly over all classes. Default 0.05. */
  readonly labelSmoothing?: number | undefined;
  readonly augmentation?: Partial<CropAugmentation> | undefined;
  /** Crops of made fields, cut as `storedCrop` says, which are `ratio` of the samples, each class as often as any other. */
  readonly made?: MadeSamples<StoredCrop> | undefined;
}

export interface CropSampler {
  readonly batch: number;
  /** Crops per class, made ones included, in the order of leukocyteClasses. */
  readonly classCounts: readonly number[];
  /** The next batch, in one of two sets of buffers in turn: valid until the call after the next. */
  next(): CropBatch;
  state(): SamplerState;
  /** Goes on bit for bit where `state` was taken, given the same options. @throws CytoError CHECKPOINT_INVALID */
  restore(state: SamplerState): void;
}

/** Larger than what is seen, so that turned and shifted views have pixels; finer, so that turning costs no sharpness. */
export const storedCrop = { sideUm: 30, sidePx: 160 } as const;
const noiseTableLength = 1 << 16;

const byClassOf = (crops: readonly StoredCrop[]): StoredCrop[][] =>
  leukocyteClasses.map((_, index) => crops.filter(({ classIndex }) => classIndex === index));

const groupsOf = (
  byClass: readonly StoredCrop[][],
  shareOf: (items: readonly StoredCrop[]) => number,
): Group<StoredCrop>[] => byClass.filter(({ length }) => length > 0).map((items) => ({ items, share: shareOf(items) }));

class Sampler implements CropSampler {
  readonly batch: number;
  readonly classCounts: readonly number[];
  readonly #order;
  readonly #buffers: readonly [CropBatch, CropBatch];
  #turn = 0;
  readonly #painter = new CropPainter(cropPx);
  readonly #colours = new ColourChange();
  readonly #noise = normalTable(2, noiseTableLength);

  constructor(
    crops: readonly StoredCrop[],
    private readonly augmentation: CropAugmentation,
    private readonly labelSmoothing: number,
    { batch, seed, made }: Pick<CropSamplerOptions, "batch" | "seed" | "made">,
  ) {
    this.batch = batch;
    const byClass = byClassOf(crops);
    const madeByClass = byClassOf(made?.items ?? []);
    this.classCounts = byClass.map(({ length }, index) => length + madeByClass[index]!.length);
    // Each crop weighs 1 / sqrt(count of its class), so a class weighs sqrt(count).
    const real = groupsOf(byClass, (items) => Math.sqrt(items.length));
    const groups = joinMade(
      real,
      groupsOf(madeByClass, () => 1),
      made?.ratio ?? 0,
    );
    this.#order = new SampleOrder(groups, seed);
    const buffer = (): CropBatch => ({
      crops: new Uint8Array(batch * cropPx * cropPx * 3),
      labels: new Float32Array(batch * leukocyteClasses.length),
    });
    this.#buffers = [buffer(), buffer()];
  }

  next(): CropBatch {
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

  #place(): CropPlacement {
    const { scale, shiftUm, blurredPart, blurPx } = this.augmentation;
    const random = this.#order.random;
    const uniform = (halfWidth: number): number => (2 * random.next() - 1) * halfWidth;
    const angle = uniform(Math.PI);
    const flip = random.next() < 0.5;
    const storedPxPerUm = storedCrop.sidePx / storedCrop.sideUm;
    const step = ((cropUm / cropPx) * storedPxPerUm) / (1 + uniform(scale));
    const shiftX = uniform(shiftUm) * storedPxPerUm;
    const shiftY = uniform(shiftUm) * storedPxPerUm;
    const blurred = random.next() < blurredPart;
    const blur = random.next() * blurPx;
    return { angle, flip, step, shiftX, shiftY, blurPx: blurred ? blur : 0 };
  }

  #draw(batch: CropBatch, sample: number, crop: StoredCrop): void {
    const random = this.#order.random;
    const placement = this.#place();
    this.#colours.draw(random, this.augmentation);
    const noisy = random.next() < this.augmentation.noisyPart;
    const noise = random.next() * this.augmentation.noise;
    const look = {
      colours: this.#colours,
      noise: this.#noise,
      noiseAt: random.int(noiseTableLength),
      noiseScale: noisy ? noise : 0,
    };
    this.#painter.paint({ pixels: crop.pixels, sidePx: storedCrop.sidePx }, placement, look, {
      target: batch.crops,
      to: sample * cropPx * cropPx * 3,
    });
    const classes = leukocyteClasses.length;
    batch.labels.fill(this.labelSmoothing / classes, sample * classes, (sample + 1) * classes);
    const own = sample * classes + crop.classIndex;
    batch.labels[own] = batch.labels[own]! + 1 - this.labelSmoothing;
  }
}

/**
 * Loads the leukocytes of known class of some fields (77 kB each) and makes an endless source of batches of varied crops,
 * the same for the same seed. A class comes with probability in proportion to the square root of its count.
 *
 * @throws CytoError IMAGE_UNREADABLE, DATASET_INVALID
 */
export const createCropSampler = async (options: CropSamplerOptions): Promise<CropSampler> => {
  const crops = await loadCrops(options.fields, storedCrop, options);
  if (crops.length === 0)
    throw new CytoError(
      "DATASET_INVALID",
      "the labels name the class of no leukocyte, so there is nothing to train on",
    );
  const augmentation = { ...cropAugmentation, ...options.augmentation };
  return new Sampler(crops, augmentation, options.labelSmoothing ?? 0.05, options);
};
