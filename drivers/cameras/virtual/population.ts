import { createRandom, type LeukocyteClass, leukocyteClasses, type Random } from "../../../src/core/index.js";
import { drawLeukocyte, drawPlatelet, drawRedCell, type PlaceUm, type SlideCell, type UnplacedCell } from "./cells.js";
import type { SlideOptions } from "./manifest.js";
import { hashPlace, type SlowField, slowField } from "./randomField.js";

/**
 * The population is laid out in square blocks, lazily. A block must not depend on which block was seen first, yet its cells
 * must keep clear of the neighbours' cells: blocks have four colours like a map, (column even, row even) to (odd, odd), and
 * a block regards only neighbours of an earlier colour. So every block follows from at most a few others.
 */
export const blockUm = 96;

/** No cell reaches further than this from its centre, um. */
export const largestReachUm = 13;

/** Blocks kept; one field and what its blocks depend on are about 40. */
const keptBlocks = 256;
/** A block is full when so many cells in a row found no room. */
const mostMisses = 8;
/** Numbers for the cells of one block. */
const idsPerBlock = 4096;

/** Two cells, by the distance of their centres over the sum of their mean radii. */
const leastGap = { free: 0.98, overlapping: 0.42, leukocyte: 0.93, platelet: 0.95 };

export interface Population {
  /** The cells whose centre lies in the block, in the order in which they were laid down. */
  block(column: number, row: number): readonly SlideCell[];
  readonly columns: number;
  readonly rows: number;
}

interface BlockUnderway {
  readonly random: Random;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly firstId: number;
  readonly cells: SlideCell[];
  /** Cells of earlier blocks that may touch cells of this one. */
  readonly neighbours: readonly SlideCell[];
}

const colourOf = (column: number, row: number): number => (column & 1) + 2 * (row & 1);

const poisson = (random: Random, mean: number): number => {
  if (mean > 60) return Math.max(0, Math.round(mean + Math.sqrt(mean) * random.normal()));
  const limit = Math.exp(-mean);
  let count = 0;
  for (let product = random.next(); product > limit; product *= random.next()) count++;
  return count;
};

const pickClass = (random: Random, mix: SlideOptions["leukocyteMix"]): LeukocyteClass => {
  const total = leukocyteClasses.reduce((sum, cellClass) => sum + mix[cellClass], 0);
  let rest = random.next() * total;
  for (const cellClass of leukocyteClasses) {
    rest -= mix[cellClass];
    if (rest < 0) return cellClass;
  }
  return leukocyteClasses.find((cellClass) => mix[cellClass] > 0)!;
};

const anywhere = (block: BlockUnderway): PlaceUm => ({
  x: block.left + block.random.next() * block.width,
  y: block.top + block.random.next() * block.height,
});

const isInside = (block: BlockUnderway, place: PlaceUm): boolean =>
  place.x >= block.left &&
  place.y >= block.top &&
  place.x < block.left + block.width &&
  place.y < block.top + block.height;

type GapRule = (other: SlideCell) => number;

interface Trial {
  readonly place: PlaceUm;
  readonly gap: GapRule;
}

const isClearOf = (others: readonly SlideCell[], radiusUm: number, { place, gap }: Trial): boolean => {
  for (const other of others) {
    const dx = other.centreUm.x - place.x;
    const dy = other.centreUm.y - place.y;
    const least = gap(other) * (radiusUm + other.outline.meanUm);
    if (dx * dx + dy * dy < least * least) return false;
  }
  return true;
};

const isClear = (block: BlockUnderway, cell: UnplacedCell, trial: Trial): boolean =>
  isClearOf(block.cells, cell.outline.meanUm, trial) && isClearOf(block.neighbours, cell.outline.meanUm, trial);

const put = (block: BlockUnderway, cell: UnplacedCell, centreUm: PlaceUm): void => {
  block.cells.push({ ...cell, id: block.firstId + block.cells.length, centreUm });
};

class SlidePopulation implements Population {
  readonly columns: number;
  readonly rows: number;
  readonly #options: SlideOptions;
  readonly #kept = new Map<number, readonly SlideCell[]>();
  readonly #crowding: SlowField;
  readonly #flatness: SlowField;
  readonly #stain: SlowField;

  constructor(options: SlideOptions) {
    this.#options = options;
    this.columns = Math.ceil(options.slideWidthUm / blockUm);
    this.rows = Math.ceil(options.slideHeightUm / blockUm);
    this.#crowding = slowField(hashPlace(options.seed, 1, 101), 900);
    this.#flatness = slowField(hashPlace(options.seed, 2, 101), 420);
    this.#stain = slowField(hashPlace(options.seed, 3, 101), 1300);
  }

  block(column: number, row: number): readonly SlideCell[] {
    if (column < 0 || row < 0 || column >= this.columns || row >= this.rows) return [];
    const key = row * this.columns + column;
    const kept = this.#kept.get(key);
    if (kept) {
      // Moved to the end: the first of the map is the one not asked for the longest.
      this.#kept.delete(key);
      this.#kept.set(key, kept);
      return kept;
    }
    const cells = this.#layOut(column, row);
    this.#kept.set(key, cells);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= keptBlocks) break;
      this.#kept.delete(oldest);
    }
    return cells;
  }

  #layOut(column: number, row: number): readonly SlideCell[] {
    const left = column * blockUm;
    const top = row * blockUm;
    const block: BlockUnderway = {
      random: createRandom(hashPlace(this.#options.seed, column, row)),
      left,
      top,
      width: Math.min(blockUm, this.#options.slideWidthUm - left),
      height: Math.min(blockUm, this.#options.slideHeightUm - top),
      firstId: (row * this.columns + column) * idsPerBlock,
      cells: [],
      neighbours: this.#earlierNeighbours(column, row),
    };
    this.#layLeukocytes(block);
    this.#layRedCells(block);
    this.#layPlatelets(block);
    return block.cells;
  }

  #earlierNeighbours(column: number, row: number): readonly SlideCell[] {
    const left = column * blockUm - 2 * largestReachUm;
    const top = row * blockUm - 2 * largestReachUm;
    const size = blockUm + 4 * largestReachUm;
    const found: SlideCell[] = [];
    for (let r = row - 1; r <= row + 1; r++) {
      for (let c = column - 1; c <= column + 1; c++) {
        if (colourOf(c, r) >= colourOf(column, row)) continue;
        for (const cell of this.block(c, r)) {
          const { x, y } = cell.centreUm;
          if (x >= left && y >= top && x < left + size && y < top + size) found.push(cell);
        }
      }
    }
    return found;
  }

  #expected(block: BlockUnderway, perMm2: number): number {
    return (perMm2 * block.width * block.height) / 1e6;
  }

  #layLeukocytes(block: BlockUnderway): void {
    const { random } = block;
    const count = poisson(random, this.#expected(block, this.#options.leukocytesPerMm2));
    const gap = (): number => leastGap.leukocyte;
    for (let k = 0; k < count; k++) {
      const cell = drawLeukocyte(random, pickClass(random, this.#options.leukocyteMix));
      for (let attempt = 0; attempt < 60; attempt++) {
        const place = anywhere(block);
        if (!isClear(block, cell, { place, gap })) continue;
        put(block, cell, place);
        break;
      }
    }
  }

  #layRedCells(block: BlockUnderway): void {
    const { random } = block;
    const middle = { x: block.left + block.width / 2, y: block.top + block.height / 2 };
    const crowding = 1 + 0.25 * this.#crowding(middle.x, middle.y);
    const mean = this.#expected(block, this.#options.redCellsPerMm2) * crowding;
    // Cells that take room from each other vary less in number than free ones.
    const count = Math.round(mean + 0.6 * Math.sqrt(mean) * random.normal());
    const local = {
      flatness: this.#flatness(middle.x, middle.y),
      stain: this.#stain(middle.x, middle.y),
    };
    // Cells that can still be laid upon.
    const partners: SlideCell[] = [];
    for (let laid = 0, misses = 0; laid < count && misses < mostMisses; ) {
      const cell = drawRedCell(random, local);
      if (this.#layRedCell(block, cell, partners)) {
        laid++;
        misses = 0;
      } else misses++;
    }
  }

  /** Finds room for a red cell: upon or against another one, or free; false where there is none. */
  #layRedCell(block: BlockUnderway, cell: UnplacedCell, partners: SlideCell[]): boolean {
    const { random } = block;
    const upon = partners.length > 0 && random.next() < this.#options.overlapShare;
    const crowded = upon && random.next() < 0.2;
    for (let attempt = 0; attempt < 60; attempt++) {
      const chosen = upon ? random.int(partners.length) : -1;
      const partner = partners[chosen];
      const place = partner ? besides(random, partner, cell) : anywhere(block);
      const gap: GapRule = (other) => {
        if (!other.redCell) return leastGap.leukocyte;
        return crowded ? leastGap.overlapping : other === partner ? 0 : leastGap.free;
      };
      if (!isInside(block, place) || !isClear(block, cell, { place, gap })) continue;
      put(block, cell, place);
      // Most clumps are pairs, few are long.
      if (partner && random.next() < 0.8) partners.splice(chosen, 1);
      if (!partner || random.next() < 0.35) partners.push(block.cells.at(-1)!);
      return true;
    }
    return false;
  }

  #layPlatelets(block: BlockUnderway): void {
    const { random } = block;
    let rest = poisson(random, this.#expected(block, this.#options.plateletsPerMm2));
    while (rest > 0) {
      const together = Math.min(rest, random.next() < 0.12 ? 2 + random.int(3) : 1);
      rest -= together;
      let first: PlaceUm | undefined;
      for (let k = 0; k < together; k++) first = this.#layPlatelet(block, first) ?? first;
    }
  }

  /** Lays one platelet, close to `first` where that is given, and tells where; nothing where there is no room. */
  #layPlatelet(block: BlockUnderway, first: PlaceUm | undefined): PlaceUm | undefined {
    const { random } = block;
    const cell = drawPlatelet(random);
    const onRedCells = random.next() < 0.07;
    const gap: GapRule = (other) => (other.redCell && onRedCells ? 0 : leastGap.platelet);
    for (let attempt = 0; attempt < 80; attempt++) {
      const angle = random.next() * 2 * Math.PI;
      const awayUm = (2.2 + 2 * random.next()) * (cell.outline.meanUm / 1.35);
      const place = first
        ? { x: first.x + awayUm * Math.cos(angle), y: first.y + awayUm * Math.sin(angle) }
        : anywhere(block);
      if (!isInside(block, place) || !isClear(block, cell, { place, gap })) continue;
      put(block, cell, place);
      return place;
    }
    return undefined;
  }
}

/** A place at which a cell lies upon or against another one, from half covered to touching. */
const besides = (random: Random, partner: SlideCell, cell: UnplacedCell): PlaceUm => {
  const angle = random.next() * 2 * Math.PI;
  const apartUm = (0.42 + 0.55 * random.next()) * (partner.outline.meanUm + cell.outline.meanUm);
  return { x: partner.centreUm.x + apartUm * Math.cos(angle), y: partner.centreUm.y + apartUm * Math.sin(angle) };
};

export const createPopulation = (options: SlideOptions): Population => new SlidePopulation(options);
