import { type CellClass, cellClasses } from "../core/index.js";
import type { Counts, Differential, Estimate, Limits } from "../counting/index.js";
import type { CountsInput } from "./input.js";
import type { CountsMessage } from "./protocol/serverMessages.js";

const limitsOf = ({ low, high }: Limits) => ({ low, high });

const estimateOf = ({ value, limits }: Estimate) => ({ value, limits: limitsOf(limits) });

const estimateOrNull = (estimate: Estimate | null) => (estimate === null ? null : estimateOf(estimate));

const classOf = (counts: Counts, name: CellClass): CountsMessage["classes"][number] => {
  const { count, limits, perMm2 } = counts.classes[name];
  const density = perMm2 === undefined ? {} : { perMm2: estimateOf(perMm2) };
  return { class: name, count, limits: limitsOf(limits), ...density };
};

const differentialOf = ({ total, classes }: Differential) => ({
  total,
  rows: classes.map(({ cellClass, count, percent }) => ({ class: cellClass, count, percent: estimateOrNull(percent) })),
});

/** Counts as clients see them. */
export const countsMessage = ({ counts, stale }: CountsInput): Omit<CountsMessage, "sequence" | "publishedAtMs"> => ({
  type: "counts",
  simulated: counts.simulated,
  stale,
  fields: counts.fields,
  areaMm2: counts.areaMm2,
  scaleOrigin: counts.scaleOrigin,
  classes: cellClasses.map((name) => classOf(counts, name)),
  unsure: {
    count: counts.unsureLeukocytes.count,
    percent: estimateOrNull(counts.unsureLeukocytes.percentOfLeukocytes),
  },
  differential: { five: differentialOf(counts.differential.five), seven: differentialOf(counts.differential.seven) },
  ratios: {
    erythrocytesPerPlatelet: estimateOrNull(counts.ratios.erythrocytesPerPlatelet),
    erythrocytesPerLeukocyte: estimateOrNull(counts.ratios.erythrocytesPerLeukocyte),
    plateletsPerLeukocyte: estimateOrNull(counts.ratios.plateletsPerLeukocyte),
    erythroblastsPer100Leukocytes: estimateOrNull(counts.ratios.erythroblastsPer100Leukocytes),
  },
});
