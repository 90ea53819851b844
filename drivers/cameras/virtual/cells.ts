import { type CellClass, createRandom, type LeukocyteClass, type Random } from "../../../src/core/index.js";
import { drawOutline, type Outline, type OutlineShape } from "./outline.js";

/** A place on the slide, um from its top left corner. */
export interface PlaceUm {
  readonly x: number;
  readonly y: number;
}

/** How a red cell takes up light. */
export interface RedCellLook {
  /** Natural optical density in green at the thickest part. */
  readonly density: number;
  /** How much of that the centre lacks: 0 a spherocyte or target without pallor, 1 an empty centre. */
  readonly pallorDepth: number;
  /** Radius of the pallor, at half its depth, relative to the cell's. */
  readonly pallorRadius: number;
  /** Middle of the pallor, um from the cell's centre. */
  readonly pallorOffsetUm: PlaceUm;
}

/** A cell of the slide. Whatever else its painting needs is drawn from `seed`. */
export interface SlideCell {
  /** One of its own on the slide, the same whenever the cell is seen. */
  readonly id: number;
  readonly cellClass: CellClass;
  readonly centreUm: PlaceUm;
  readonly outline: Outline;
  readonly seed: number;
  /** Red cells only. */
  readonly redCell?: RedCellLook;
}

/** The cell without the place and number that the population gives it. */
export type UnplacedCell = Omit<SlideCell, "id" | "centreUm">;

/** Properties of the place where a cell lies, each in [-1, 1] or so. */
export interface LocalSmear {
  /** Towards the feathered edge cells lie flat: high values lack the pallor. */
  readonly flatness: number;
  /** How strongly the place took the stain. */
  readonly stain: number;
}

interface SizeOfClass {
  readonly diameterUm: number;
  readonly deviationUm: number;
  readonly irregularity: number;
  readonly elongationDeviation: number;
}

/**
 * Diameters of leukocytes on a smear, um: means and deviations of the labelled cells of the collection of Acevedo et al.
 * (Data in Brief 30:105474, 2020) at 7.5 um a red cell.
 */
const leukocyteSizes: Readonly<Record<LeukocyteClass, SizeOfClass>> = {
  neutrophil: { diameterUm: 14.0, deviationUm: 1.0, irregularity: 0.05, elongationDeviation: 0.12 },
  eosinophil: { diameterUm: 13.8, deviationUm: 1.2, irregularity: 0.045, elongationDeviation: 0.1 },
  basophil: { diameterUm: 12.3, deviationUm: 1.0, irregularity: 0.06, elongationDeviation: 0.1 },
  lymphocyte: { diameterUm: 10.9, deviationUm: 1.0, irregularity: 0.06, elongationDeviation: 0.12 },
  monocyte: { diameterUm: 16.0, deviationUm: 1.5, irregularity: 0.13, elongationDeviation: 0.14 },
  "immature-granulocyte": { diameterUm: 14.7, deviationUm: 1.3, irregularity: 0.055, elongationDeviation: 0.1 },
  erythroblast: { diameterUm: 10.0, deviationUm: 1.1, irregularity: 0.08, elongationDeviation: 0.12 },
};

const clampDeviate = (random: Random, limit: number): number => Math.max(-limit, Math.min(limit, random.normal()));

const newSeed = (random: Random): number => random.int(0x1_0000_0000);

const redCellShape = (random: Random): OutlineShape => {
  const kind = random.next();
  let diameterUm = 7.4 + 0.58 * clampDeviate(random, 2.2);
  let elongation = Math.exp(Math.abs(0.17 * clampDeviate(random, 2.5)));
  if (kind < 0.03) diameterUm = 8.7 + 0.7 * random.next();
  else if (kind < 0.06) diameterUm = 5.6 + 0.6 * random.next();
  else if (kind < 0.1) elongation = 1.22 + 0.25 * random.next();
  const crenated = kind > 0.99;
  return {
    radiusUm: diameterUm / 2,
    elongation,
    irregularity: 0.07,
    ...(crenated ? { spicules: { count: 9 + random.int(4), height: 0.11 } } : {}),
  };
};

/** A red cell: most normocytes, a few macrocytes, microcytes, ovalocytes and crenated ones, their pallor as the place has it. */
export const drawRedCell = (random: Random, local: LocalSmear): UnplacedCell => {
  const outline = drawOutline(random, redCellShape(random));
  const depth = 0.76 - 0.36 * local.flatness + 0.25 * clampDeviate(random, 2);
  const pallorDepth = Math.max(0.04, Math.min(0.96, depth));
  // A deeper pallor goes with a thicker rim: the same haemoglobin, pushed outwards.
  const density = 0.275 + 0.09 * pallorDepth + 0.045 * local.stain + 0.038 * clampDeviate(random, 2.2);
  return {
    cellClass: "erythrocyte",
    outline,
    seed: newSeed(random),
    redCell: {
      density,
      pallorDepth,
      pallorRadius: 0.41 + 0.055 * clampDeviate(random, 2),
      pallorOffsetUm: { x: 0.16 * clampDeviate(random, 2), y: 0.16 * clampDeviate(random, 2) },
    },
  };
};

export const drawLeukocyte = (random: Random, cellClass: LeukocyteClass): UnplacedCell => {
  const size = leukocyteSizes[cellClass];
  const diameterUm = size.diameterUm + size.deviationUm * clampDeviate(random, 2);
  const outline = drawOutline(random, {
    radiusUm: diameterUm / 2,
    elongation: Math.exp(Math.abs(size.elongationDeviation * clampDeviate(random, 2))),
    irregularity: size.irregularity,
  });
  return { cellClass, outline, seed: newSeed(random) };
};

/** A platelet, 2 to 3 um as a rule, seldom a giant one. */
export const drawPlatelet = (random: Random): UnplacedCell => {
  const giant = random.next() < 0.04;
  const diameterUm = giant ? 4.2 + 1.8 * random.next() : 2.75 * Math.exp(0.2 * clampDeviate(random, 2));
  const outline = drawOutline(random, {
    radiusUm: diameterUm / 2,
    elongation: Math.exp(Math.abs(0.18 * clampDeviate(random, 2))),
    irregularity: 0.1,
  });
  return { cellClass: "platelet", outline, seed: newSeed(random) };
};

/** The generator from which a cell's painting is drawn. */
export const randomOf = (cell: Pick<SlideCell, "seed">): Random => createRandom(cell.seed);
