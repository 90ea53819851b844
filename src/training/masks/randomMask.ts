import {
  type CellClass,
  CytoError,
  cellClasses,
  createRandom,
  type DensityClass,
  densityClassOf,
  type Random,
} from "../../core/index.js";
import { type CellPatch, patchDiameter, turnPatch } from "./cellPatch.js";
import { drawPatch } from "./drawnOutlines.js";
import { createFieldMask, type FieldMask, type MaskedCell } from "./fieldMask.js";
import { outside } from "./outline.js";
import type { OutlineLibrary } from "./outlineLibrary.js";
import type { Disc } from "./pairCorrelation.js";
import { type Ground, placeDisc } from "./placement.js";
import type { Stain } from "./stain.js";
import { type MaskStatistics, quantileAt } from "./statistics.js";

export interface RandomMaskOptions {
  /** Same seed and options: same mask. */
  readonly seed: number;
  /** Of the fields that the mask is to be like. */
  readonly statistics: MaskStatistics;
  /** Where outlines and their edges come from. A class that it lacks is drawn: an ellipse with waves, lobes for a nucleus. */
  readonly outlines?: OutlineLibrary | undefined;
  readonly stain: Stain;
  /** px. */
  readonly width: number;
  readonly height: number;
  /** Diameter of a red cell, px. Default 40, as real fields are kept: laid at 32 px, outlines are as smooth as theirs. */
  readonly redCellPx?: number | undefined;
  /**
   * Classes asked for: leukocytes are of these alone, in equal parts, and at least one cell of one of these, chosen by
   * chance, is in the mask. Default: leukocytes as in the statistics.
   */
  readonly classes?: readonly CellClass[] | undefined;
}

/** Order in which cells are placed; later ones make room for earlier ones. */
const order = ["leukocyte", "erythrocyte", "platelet"] as const;

/** What stands in for the diameter of a class that the statistics lack, in red cells' diameters. */
const usualDiameter: Record<DensityClass, number> = { erythrocyte: 1, leukocyte: 1.8, platelet: 0.3 };

/** A whole number of which `mean` is the mean: the one below or above. */
const wholeNumber = (mean: number, random: Random): number => Math.floor(mean + random.next());

const sizeOf = (cellClass: CellClass, { shapes }: MaskStatistics, random: Random) => {
  const densityClass = densityClassOf(cellClass);
  const shape = shapes[cellClass] ?? shapes[densityClass];
  const [part, other] = [random.next(), random.next()];
  if (!shape) return { diameter: usualDiameter[densityClass], elongation: 0.15 * other };
  return { diameter: quantileAt(shape.diameter, part), elongation: quantileAt(shape.elongation, other) };
};

/** Classes of the leukocytes that are drawn, with their shares. */
const leukocyteShares = ({ shares }: MaskStatistics, classes: readonly CellClass[]): ReadonlyMap<CellClass, number> => {
  const asked = classes.filter((cellClass) => densityClassOf(cellClass) === "leukocyte");
  if (asked.length > 0) return new Map(asked.map((cellClass) => [cellClass, 1 / asked.length]));
  return new Map(cellClasses.flatMap((cellClass) => (shares[cellClass] ? [[cellClass, shares[cellClass]]] : [])));
};

const drawShare = (shares: ReadonlyMap<CellClass, number>, random: Random): CellClass => {
  let left = random.next();
  for (const [cellClass, share] of shares) {
    left -= share;
    if (left < 0) return cellClass;
  }
  return [...shares.keys()].at(-1) ?? "leukocyte";
};

/** The cells' classes in the order in which they are placed. */
const drawClasses = (options: RandomMaskOptions, redCellPx: number, random: Random): readonly CellClass[] => {
  const { statistics, width, height, classes = [] } = options;
  const shares = leukocyteShares(statistics, classes);
  const wanted = classes.length > 0 ? classes[random.int(classes.length)] : undefined;
  return order.flatMap((densityClass) => {
    const shape = statistics.shapes[densityClass] ?? {
      diameter: [usualDiameter[densityClass], usualDiameter[densityClass]],
    };
    const extra = quantileAt(shape.diameter, 0.5);
    const area = (width / redCellPx + extra) * (height / redCellPx + extra);
    const count = wholeNumber(quantileAt(statistics.density[densityClass], random.next()) * area, random);
    const drawn = Array.from({ length: count }, () =>
      densityClass === "leukocyte" ? drawShare(shares, random) : densityClass,
    );
    return wanted && densityClassOf(wanted) === densityClass ? [wanted, ...drawn.slice(1)] : drawn;
  });
};

const drawCell = (cellClass: CellClass, options: RandomMaskOptions, redCellPx: number, random: Random): CellPatch => {
  const size = sizeOf(cellClass, options.statistics, random);
  const angle = 2 * Math.PI * random.next();
  const flip = random.next() < 0.5;
  const found = options.outlines?.draw(cellClass, size.diameter, random);
  if (found) {
    const scale = (redCellPx / found.redCellPx) * (size.diameter / patchDiameter(found));
    return turnPatch(found, { flip, angle, scale });
  }
  return turnPatch(drawPatch({ cellClass, ...size, redCellPx }, random), { flip, angle, scale: 1 });
};

/** Lays edges of a patch; where cells lie on one another the steeper edge shows. */
const layEdges = (edges: Uint8Array, { width, height }: Ground, patch: CellPatch, { left, top }: MaskedCell): void => {
  for (let y = Math.max(-top, 0); y < Math.min(patch.height, height - top); y++) {
    for (let x = Math.max(-left, 0); x < Math.min(patch.width, width - left); x++) {
      const at = (top + y) * width + left + x;
      edges[at] = Math.max(edges[at]!, patch.edges[y * patch.width + x]!);
    }
  }
};

const isSeen = ({ left, top, outline }: MaskedCell, { width, height }: Ground): boolean => {
  for (let y = Math.max(-top, 0); y < Math.min(outline.height, height - top); y++) {
    for (let x = Math.max(-left, 0); x < Math.min(outline.width, width - left); x++)
      if (outline.parts[y * outline.width + x] !== outside) return true;
  }
  return false;
};

interface PlaceOptions {
  readonly ground: Ground;
  readonly neighbours: MaskStatistics["neighbours"];
  readonly random: Random;
  /** Whether the cell is to be seen whole. */
  readonly inside: boolean;
}

const placePatch = (patch: CellPatch, others: readonly Disc[], { inside, ...options }: PlaceOptions): Disc => {
  const disc = { densityClass: densityClassOf(patch.cellClass), diameter: patch.redCellPx * patchDiameter(patch) };
  const found = placeDisc(disc, others, options);
  if (!inside) return found;
  const clamp = (value: number, size: number): number =>
    size > disc.diameter ? Math.min(Math.max(value, disc.diameter / 2), size - disc.diameter / 2) : size / 2;
  return { ...found, x: clamp(found.x, options.ground.width), y: clamp(found.y, options.ground.height) };
};

/**
 * A mask of a field that nobody saw: counts, sizes, neighbourhood and overlaps as in the fields that were measured,
 * outlines and edges of real cells, turned, mirrored and scaled.
 * @throws CytoError USAGE for a size that cannot be one
 */
export const drawMask = (options: RandomMaskOptions): FieldMask => {
  const { width, height, redCellPx = 40, statistics, stain, classes = [] } = options;
  if (!Number.isInteger(width) || !Number.isInteger(height) || width < 1 || height < 1 || !(redCellPx > 0))
    throw new CytoError("USAGE", `a mask cannot be ${width} x ${height} px with red cells of ${redCellPx} px`);
  const random = createRandom(options.seed);
  const ground = { width, height };
  const edges = new Uint8Array(width * height);
  const discs: Disc[] = [];
  const cells: MaskedCell[] = [];
  let asked = classes.length > 0;
  for (const cellClass of drawClasses(options, redCellPx, random)) {
    const patch = drawCell(cellClass, options, redCellPx, random);
    const inside = asked && classes.includes(cellClass);
    const disc = placePatch(patch, discs, { ground, neighbours: statistics.neighbours, random, inside });
    const place = { left: Math.round(disc.x - patch.width / 2), top: Math.round(disc.y - patch.height / 2) };
    const cell: MaskedCell = { cellClass, outline: patch, ...place };
    discs.push(disc);
    if (!isSeen(cell, ground)) continue;
    if (inside) asked = false;
    cells.push(cell);
    layEdges(edges, ground, patch, cell);
  }
  return createFieldMask({ width, height, redCellPx, stain, cells, edges: { width, height, values: edges } });
};
