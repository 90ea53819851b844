import type { Random } from "../../core/index.js";
import { type Disc, pairBinOf, pairBins, pairNameOf } from "./pairCorrelation.js";
import type { MaskStatistics } from "./statistics.js";

/** Of so many places one is chosen. */
const places = 40;

export interface Ground {
  /** px. */
  readonly width: number;
  readonly height: number;
}

/** How much likelier than chance a disc is where it is, beside those that are there. */
const likelihood = (disc: Disc, others: readonly Disc[], neighbours: MaskStatistics["neighbours"]): number => {
  let product = 1;
  for (const other of others) {
    const bin = pairBinOf(disc, other);
    if (bin < pairBins) product *= neighbours[pairNameOf(disc.densityClass, other.densityClass)][bin]!;
  }
  return product;
};

/**
 * A place for a disc of which something is to be seen on the ground: one of forty anywhere, drawn in proportion to the
 * pair correlations with the discs that are there, so that cells keep off, touch and overlap as often as in real fields.
 */
export const placeDisc = (
  disc: Pick<Disc, "densityClass" | "diameter">,
  others: readonly Disc[],
  { ground, neighbours, random }: { ground: Ground; neighbours: MaskStatistics["neighbours"]; random: Random },
): Disc => {
  const { diameter } = disc;
  const drawn = Array.from(
    { length: places },
    (): Disc => ({
      ...disc,
      x: random.next() * (ground.width + diameter) - diameter / 2,
      y: random.next() * (ground.height + diameter) - diameter / 2,
    }),
  );
  const weights = drawn.map((place) => likelihood(place, others, neighbours));
  let left = random.next() * weights.reduce((sum, weight) => sum + weight, 0);
  const chosen = weights.findIndex((weight) => {
    left -= weight;
    return left < 0;
  });
  return drawn[Math.max(chosen, 0)]!;
};
