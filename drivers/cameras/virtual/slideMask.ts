import { createRandom, type Random } from "../../../src/core/index.js";
import {
  type CellPatch,
  createFieldMask,
  drawPatch,
  type FieldMask,
  fitPatch,
  type LaidPatch,
  type MaskedCell,
  type OutlineLibrary,
  outside,
  patchDiameter,
  type Stain,
  turnedAspect,
} from "../../../src/training/masks/index.js";
import type { SlideCell } from "./cells.js";
import type { PixelRect } from "./lightPainter.js";
import type { Slide } from "./slide.js";
import { spritePatch } from "./spritePatch.js";

/** What a red cell measures where sizes are told in red cells, um. */
export const redCellUm = 7.5;

/** Of so many outlines, each turned so many ways, the one whose sides are most like the cell's is taken. */
const outlinesTried = 4;
const turnsTried = 4;
/** What a ratio of sizes weighs against one of sides: edges keep their steepness when they are stretched. */
const sizeWeight = 0.5;
/** What it weighs that a red cell fills its box less or more than an ellipse: slivers of neighbours stick to some outlines. */
const fillWeight = 2;

/** What masks of the slide are made of. */
export interface MaskMaterial {
  readonly outlines: OutlineLibrary;
  readonly stain: Stain;
  /** Diameter of a red cell on the masks, px. */
  readonly redCellPx: number;
}

interface Shape {
  readonly patch: CellPatch;
  readonly flip: boolean;
  readonly angle: number;
}

/** Logarithm of an outline's area over that of the ellipse in its box. */
const fillOf = ({ width, height, parts }: CellPatch): number => {
  let area = 0;
  for (const part of parts) if (part !== outside) area++;
  return Math.log(area / ((Math.PI / 4) * width * height));
};

/**
 * Makes masks of the slide: its cells where they are, in outlines of real cells that fill the boxes of its truth. Platelets, of
 * which a segmentation finds parts and slivers, and leukocytes of a class without real outlines have those of the drawn slide.
 */
export class SlideMasks {
  readonly #fills = new Map<CellPatch, number>();

  constructor(
    private readonly slide: Slide,
    private readonly material: MaskMaterial,
  ) {}

  /** The mask of a rectangle of the grid of mask pixels whose first has its corner in the slide's corner. */
  maskOf(rect: PixelRect): FieldMask {
    const { leftPx, topPx, width, height } = rect;
    const edges = new Uint8Array(width * height);
    const cells: MaskedCell[] = [];
    const { redCellPx, stain } = this.material;
    const um = redCellUm / redCellPx;
    const region = { left: leftPx * um, top: topPx * um, width: width * um, height: height * um };
    for (const cell of this.slide.cellsIn(region)) {
      const { left, top, patch } = this.#lay(cell);
      const laid = { cellClass: cell.cellClass, left: left - leftPx, top: top - topPx, outline: patch };
      cells.push(laid);
      layEdges({ width, height, values: edges }, laid, patch);
    }
    return createFieldMask({ width, height, redCellPx, stain, cells, edges: { width, height, values: edges } });
  }

  /** A cell on the slide's grid of mask pixels: the same whichever rectangle it is seen in. */
  #lay(cell: SlideCell): LaidPatch {
    const { redCellPx, outlines } = this.material;
    if (cell.cellClass === "platelet" || (!cell.redCell && outlines.count(cell.cellClass) === 0))
      return spritePatch(cell, { redCellPx, umPerPixel: redCellUm / redCellPx });
    const { x, y } = cell.centreUm;
    const { left, top, right, bottom } = cell.outline.reachUm;
    const px = redCellPx / redCellUm;
    const box = { left: (x - left) * px, top: (y - top) * px, right: (x + right) * px, bottom: (y + bottom) * px };
    const { patch, flip, angle } = this.#shapeFor(cell, createRandom(cell.seed));
    return fitPatch(patch, { flip, angle }, { box, redCellPx });
  }

  #fillOf(patch: CellPatch): number {
    const known = this.#fills.get(patch);
    if (known !== undefined) return known;
    const fill = fillOf(patch);
    this.#fills.set(patch, fill);
    return fill;
  }

  #shapeFor({ cellClass, outline: { reachUm } }: SlideCell, random: Random): Shape {
    const { outlines, redCellPx } = this.material;
    const width = reachUm.left + reachUm.right;
    const height = reachUm.top + reachUm.bottom;
    const diameter = Math.sqrt(width * height) / redCellUm;
    const aspect = Math.log(width / height);
    let best: Shape | undefined;
    let least = Number.POSITIVE_INFINITY;
    // Where the library has no red cells one outline is drawn, with the sides that it should have.
    const drawn =
      outlines.count(cellClass) > 0
        ? undefined
        : drawPatch({ cellClass, diameter, elongation: Math.abs(aspect), redCellPx }, random);
    for (let outline = 0; outline < (drawn ? 1 : outlinesTried); outline++) {
      const patch = drawn ?? outlines.draw(cellClass, diameter, random)!;
      let unlikeAnyhow = sizeWeight * Math.abs(Math.log(patchDiameter(patch) / diameter));
      if (cellClass === "erythrocyte") unlikeAnyhow += fillWeight * Math.abs(this.#fillOf(patch));
      for (let turn = 0; turn < turnsTried; turn++) {
        const pose = { flip: random.next() < 0.5, angle: 2 * Math.PI * random.next() };
        const unlike = unlikeAnyhow + Math.abs(turnedAspect(patch, pose) - aspect);
        if (unlike >= least) continue;
        least = unlike;
        best = { patch, ...pose };
      }
    }
    return best!;
  }
}

/** Lays the edges of a patch; where cells lie on one another the steeper edge shows. */
const layEdges = (
  edges: { readonly width: number; readonly height: number; readonly values: Uint8Array },
  { left, top }: Pick<MaskedCell, "left" | "top">,
  patch: CellPatch,
): void => {
  for (let y = Math.max(-top, 0); y < Math.min(patch.height, edges.height - top); y++) {
    for (let x = Math.max(-left, 0); x < Math.min(patch.width, edges.width - left); x++) {
      const at = (top + y) * edges.width + left + x;
      edges.values[at] = Math.max(edges.values[at]!, patch.edges[y * patch.width + x]!);
    }
  }
};
