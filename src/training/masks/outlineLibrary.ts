import { z } from "zod";
import { type CellClass, CytoError, cellClasses, createRandom, densityClassOf, type Random } from "../../core/index.js";
import { type CellPatch, isSound, patchDiameter } from "./cellPatch.js";
import { addLayers, type FieldMask, type MaskedCell } from "./fieldMask.js";
import { outside } from "./outline.js";

const librarySchema = z.strictObject({
  version: z.literal(1),
  patches: z.array(
    z.strictObject({
      cellClass: z.enum(cellClasses),
      width: z.int().min(1).max(1024),
      height: z.int().min(1).max(1024),
      redCellPx: z.number().positive(),
      /** Base64, a byte per pixel: the part in the lower two bits, the edge in the upper six. */
      pixels: z.base64(),
    }),
  ),
});

/** A library as JSON keeps it, 4/3 bytes a pixel: 2 kB a red cell 40 px across. */
export type StoredLibrary = z.infer<typeof librarySchema>;

/** Of so many drawn outlines the one nearest in size is taken, so that little is enlarged. */
const candidates = 3;

/** Outlines of real cells with the edges inside them, by class, to be laid elsewhere. */
export class OutlineLibrary {
  readonly #byClass = new Map<CellClass, CellPatch[]>();

  constructor(readonly patches: readonly CellPatch[]) {
    for (const patch of patches) {
      const list = this.#byClass.get(patch.cellClass);
      if (list) list.push(patch);
      else this.#byClass.set(patch.cellClass, [patch]);
    }
  }

  /** Number of outlines of a class. */
  count(cellClass: CellClass): number {
    return this.#byClass.get(cellClass)?.length ?? 0;
  }

  /** An outline of a class of about `diameter` red cells' diameters; undefined where there is none of the class. */
  draw(cellClass: CellClass, diameter: number, random: Random): CellPatch | undefined {
    const list = this.#byClass.get(cellClass);
    if (!list) return undefined;
    const drawn = Array.from({ length: candidates }, () => list[random.int(list.length)]!);
    const farness = (patch: CellPatch): number => Math.abs(Math.log(patchDiameter(patch) / diameter));
    return drawn.reduce((best, patch) => (farness(patch) < farness(best) ? patch : best));
  }

  toJson(): StoredLibrary {
    const patches = this.patches.map(({ cellClass, width, height, redCellPx, parts, edges }) => {
      const pixels = Buffer.from(parts.map((part, at) => part | (edges[at]! & 0xfc))).toString("base64");
      return { cellClass, width, height, redCellPx, pixels };
    });
    return { version: 1, patches };
  }

  /** @throws CytoError MODEL_INVALID for what is no library */
  static fromJson(value: unknown): OutlineLibrary {
    const result = librarySchema.safeParse(value);
    if (!result.success) {
      const issue = result.error.issues[0];
      throw new CytoError("MODEL_INVALID", `no library of outlines: ${issue?.path.join(".")}: ${issue?.message}`);
    }
    const patches = result.data.patches.map(({ pixels, ...patch }, index): CellPatch => {
      const bytes = Uint8Array.from(Buffer.from(pixels, "base64"));
      const read = { ...patch, parts: bytes.map((byte) => byte & 3), edges: bytes.map((byte) => byte & 0xfc) };
      if (!isSound(read)) throw new CytoError("MODEL_INVALID", `outline ${index} of the library does not fit its size`);
      return read;
    });
    return new OutlineLibrary(patches);
  }
}

export interface CollectOptions {
  readonly seed: number;
  /** Outlines kept of each class at most, chosen at random among all. Default 200. */
  readonly perClass?: number | undefined;
}

/** Of a cell more than this under others, its edges are theirs. */
const mostCovered = 0.1;
/** Cells smaller than this, in squared red cells' diameters, are specks of a segmentation. */
const leastArea = 0.01;

const isWhole = ({ left, top, outline }: MaskedCell, { width, height }: FieldMask): boolean =>
  left > 1 && top > 1 && left + outline.width < width - 1 && top + outline.height < height - 1;

const patchOf = (cell: MaskedCell, mask: FieldMask, layers: Uint8Array): CellPatch | undefined => {
  const { width, height, parts } = cell.outline;
  const edges = new Uint8Array(parts.length);
  let [area, shared] = [0, 0];
  for (let at = 0; at < parts.length; at++) {
    if (parts[at] === outside) continue;
    const place = (cell.top + Math.floor(at / width)) * mask.width + cell.left + (at % width);
    area++;
    if (layers[place]! > 1) shared++;
    edges[at] = mask.gradient[place]!;
  }
  if (shared > mostCovered * area || area < leastArea * mask.redCellPx ** 2) return undefined;
  return { cellClass: cell.cellClass, width, height, parts, edges, redCellPx: mask.redCellPx };
};

/** Collects outlines of cells that are seen whole and by themselves. Same masks, same seed: same library. */
export const collectOutlines = (
  masks: Iterable<FieldMask>,
  { seed, perClass = 200 }: CollectOptions,
): OutlineLibrary => {
  const random = createRandom(seed);
  const kept = new Map<CellClass, CellPatch[]>(cellClasses.map((cellClass) => [cellClass, []]));
  const seen = new Map<CellClass, number>();
  for (const mask of masks) {
    const layers = new Uint8Array(mask.width * mask.height);
    for (const channel of new Set(mask.cells.map(({ cellClass }) => densityClassOf(cellClass))))
      addLayers(mask, channel, layers);
    for (const cell of mask.cells) {
      const patch = isWhole(cell, mask) ? patchOf(cell, mask, layers) : undefined;
      if (!patch) continue;
      const list = kept.get(cell.cellClass)!;
      const number = (seen.get(cell.cellClass) ?? 0) + 1;
      seen.set(cell.cellClass, number);
      // Reservoir sampling: each of `number` cells is kept with the same chance.
      const place = list.length < perClass ? list.length : random.int(number);
      if (place < perClass) list[place] = patch;
    }
  }
  return new OutlineLibrary([...kept.values()].flat());
};
