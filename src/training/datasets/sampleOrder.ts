import { CytoError, createRandom, type Random, type RandomState } from "../../core/index.js";
import { createShuffledPasses, type Group, type PassState } from "./passes.js";

/** Samples that no data set holds. */
export interface MadeSamples<Item> {
  readonly items: readonly Item[];
  /** Part of the samples, over 0 and at most 1. */
  readonly ratio: number;
}

/** Where a sampler stands; JSON-serialisable. */
export interface SamplerState {
  readonly random: RandomState;
  readonly passes: readonly PassState[];
}

/** Items by data set with the data sets' shares. @throws CytoError USAGE for a weight that cannot be one */
export const groupByDataset = <T extends { readonly dataset: string }>(
  items: readonly T[],
  weights: Readonly<Record<string, number>>,
): { items: readonly T[]; share: number }[] => {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(item.dataset);
    if (group) group.push(item);
    else groups.set(item.dataset, [item]);
  }
  for (const [name, weight] of Object.entries(weights)) {
    if (!groups.has(name)) throw new CytoError("USAGE", `a weight is given for ${name}, which has no fields here`);
    if (!(weight >= 0 && Number.isFinite(weight))) throw new CytoError("USAGE", `the weight of ${name} is ${weight}`);
  }
  const shares = [...groups].map(([name, group]) => ({ items: group, share: weights[name] ?? group.length }));
  const used = shares.filter(({ share }) => share > 0);
  if (used.length === 0) throw new CytoError("DATASET_INVALID", "there is nothing to train on");
  return used;
};

/** Groups of real items with made ones beside them, which are `ratio` of all samples. */
export const joinMade = <Item>(
  real: readonly Group<Item>[],
  made: readonly Group<Item>[],
  ratio: number,
): readonly Group<Item>[] => {
  if (made.length === 0) return real;
  const scaled = (groups: readonly Group<Item>[], part: number): Group<Item>[] => {
    const total = groups.reduce((sum, { share }) => sum + share, 0);
    return groups.map(({ items, share }) => ({ items, share: (share / total) * part }));
  };
  return [...(ratio < 1 ? scaled(real, 1 - ratio) : []), ...scaled(made, ratio)];
};

/** In which order a sampler takes its items, and the randomness with which it varies them: the same for the same seed. */
export class SampleOrder<Item> {
  readonly random: Random;
  readonly #passes;

  constructor(groups: readonly Group<Item>[], seed: number) {
    this.random = createRandom(seed);
    this.#passes = createShuffledPasses(groups, this.random, seed);
  }

  next(): Item {
    return this.#passes.next();
  }

  state(): SamplerState {
    return { random: this.random.state(), passes: this.#passes.state() };
  }

  /** Goes on bit for bit where `state` was taken, given the same groups and seed. @throws CytoError CHECKPOINT_INVALID */
  restore({ random, passes }: SamplerState): void {
    try {
      this.#passes.restore(passes);
      this.random.restore(random);
    } catch (error) {
      throw CytoError.from(error, "CHECKPOINT_INVALID");
    }
  }
}
