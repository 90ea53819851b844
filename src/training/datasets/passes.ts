import { createRandom, type Random } from "../../core/index.js";

/** Where the passes stand: how many whole ones are behind and how far the present one is, per group. JSON-serialisable. */
export interface PassState {
  readonly pass: number;
  readonly cursor: number;
}

export interface Group<T> {
  readonly items: readonly T[];
  /** Probability that the next item comes from this group. */
  readonly share: number;
}

/** Items drawn group by group, each group in shuffled passes so that every item of it comes equally often. */
export interface ShuffledPasses<T> {
  next(): T;
  state(): readonly PassState[];
  restore(state: readonly PassState[]): void;
}

const shuffled = (size: number, random: Random): Int32Array => {
  const order = Int32Array.from({ length: size }, (_, index) => index);
  for (let last = size - 1; last > 0; last--) {
    const other = random.int(last + 1);
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
  return order;
};

/**
 * @param random decides from which group the next item comes
 * @param seed decides the orders; they are the same for the same seed wherever the passes stand
 */
export const createShuffledPasses = <T>(
  groups: readonly Group<T>[],
  random: Random,
  seed: number,
): ShuffledPasses<T> => {
  const total = groups.reduce((sum, { share }) => sum + share, 0);
  const orderOf = (group: number, pass: number): Int32Array =>
    shuffled(groups[group]!.items.length, createRandom(seed).fork(group).fork(pass));
  const stands = groups.map((_, group) => ({ pass: 0, cursor: 0, order: orderOf(group, 0) }));

  const chooseGroup = (): number => {
    let left = random.next() * total;
    for (let group = 0; group < groups.length - 1; group++) {
      left -= groups[group]!.share;
      if (left < 0) return group;
    }
    return groups.length - 1;
  };

  return {
    next() {
      const group = chooseGroup();
      const stand = stands[group]!;
      if (stand.cursor === stand.order.length) {
        stand.pass++;
        stand.cursor = 0;
        stand.order = orderOf(group, stand.pass);
      }
      return groups[group]!.items[stand.order[stand.cursor++]!]!;
    },
    state: () => stands.map(({ pass, cursor }) => ({ pass, cursor })),
    restore(state) {
      if (state.length !== groups.length) throw new RangeError(`${state.length} stands for ${groups.length} groups`);
      state.forEach(({ pass, cursor }, group) => {
        stands[group] = { pass, cursor, order: orderOf(group, pass) };
      });
    },
  };
};
