import { createRandom } from "../../../src/core/index.js";
import type { Picture } from "../../../src/pictures/index.js";
import type { Stain } from "../../../src/training/masks/index.js";
import { type OpenPainterOptions, openPainter, type Painter } from "../../../src/training/painter/index.js";
import { meanGlass } from "./glass.js";
import { PaintedLight } from "./paintedLight.js";
import { PainterLoan } from "./painterLoan.js";
import { hashPlace } from "./randomField.js";
import type { Slide } from "./slide.js";
import { redCellUm, SlideMasks } from "./slideMask.js";
import { type GridOptions, type TileGrid, tileGridOf } from "./tileGrid.js";

/** What is to be painted, and by which painter. */
export interface SlidePaintingOptions extends Omit<GridOptions, "paintedUmPerPixel" | "multiple"> {
  /** Folder of the painter's model. */
  readonly directory: string;
  /** Size of a pixel of the field, um. */
  readonly umPerPixel: number;
  /** Makes the calls into native code; see `OpenPainterOptions`. */
  readonly native?: OpenPainterOptions["native"];
}

/** Masks are so much larger than their pictures, so that outlines are as smooth as real ones. */
const oversize = 1.25;
/** Tiles begin on whole pixels of their masks. */
const wholePx = 4;

interface Tile {
  readonly column: number;
  readonly row: number;
}

const roundUp = (length: number, multiple: number): number => Math.ceil(length / multiple) * multiple;

/** Sides and places of tiles are multiples of this. */
const alignmentOf = ({ multiple }: Pick<Painter, "multiple">): number =>
  multiple % wholePx === 0 ? multiple : wholePx * multiple;

/** A tile with its surroundings, as the mask of it is painted; cut back to the tile. */
const paintTile = async (
  painter: Painter,
  masks: SlideMasks,
  grid: TileGrid,
  { column, row }: Tile,
): Promise<Picture> => {
  const contextPx = roundUp(painter.contextPx, alignmentOf(painter));
  const picture = await painter.paint(
    masks.maskOf({
      leftPx: oversize * (grid.left + column * grid.width - contextPx),
      topPx: oversize * (grid.top + row * grid.height - contextPx),
      width: oversize * (grid.width + 2 * contextPx),
      height: oversize * (grid.height + 2 * contextPx),
    }),
  );
  const { width, height } = grid;
  const pixels = new Uint8Array(3 * width * height);
  for (let y = 0; y < height; y++) {
    const from = 3 * ((y + contextPx) * picture.width + contextPx);
    pixels.set(picture.pixels.subarray(from, from + 3 * width), 3 * y * width);
  }
  return { width, height, pixels };
};

/** Of so many stains, drawn by the slide's seed, the one is taken whose background is most like the slide's glass: slides differ, but all are well lit. */
const stainsDrawn = 12;

/** The stain of a slide, one of the painter's. */
export const slideStain = (stains: readonly Stain[], seed: number): Stain => {
  const random = createRandom(hashPlace(seed, 10, 101));
  const farness = ({ background: { red, green, blue } }: Stain): number =>
    (red - meanGlass[0]) ** 2 + (green - meanGlass[1]) ** 2 + (blue - meanGlass[2]) ** 2;
  const drawn = Array.from({ length: stainsDrawn }, () => stains[random.int(stains.length)]!);
  return drawn.reduce((best, stain) => (farness(stain) < farness(best) ? stain : best));
};

/** Longest of so many last tiles. */
const recentTiles = 8;

/** The slide as a painter paints it. Owner of the painter: dispose it. */
export class SlidePainter extends PaintedLight implements AsyncDisposable {
  private constructor(
    options: ConstructorParameters<typeof PaintedLight>[0],
    private readonly loan: PainterLoan,
    private readonly recentMs: readonly number[],
  ) {
    super(options);
  }

  /** Longest time that one of the last tiles took, ms; 0 before the first. */
  get slowestMs(): number {
    return Math.max(0, ...this.recentMs);
  }

  /** @throws CytoError MODEL_NOT_FOUND, MODEL_INVALID */
  static async open(slide: Slide, options: SlidePaintingOptions): Promise<SlidePainter> {
    const { directory, umPerPixel, native } = options;
    const loan = new PainterLoan(() => openPainter(directory, { threads: 1, native }));
    const { redCellPx, multiple } = await loan.use(async (painter) => painter);
    const paintedUmPerPixel = redCellUm / redCellPx;
    const grid = tileGridOf({ ...options, paintedUmPerPixel, multiple: alignmentOf({ multiple }) });
    const recentMs: number[] = [];
    let masks: SlideMasks | undefined;
    const masksOf = ({ sources: { outlines, stains } }: Painter): SlideMasks => {
      const material = { outlines, stain: slideStain(stains, slide.options.seed), redCellPx: oversize * redCellPx };
      masks ??= new SlideMasks(slide, material);
      return masks;
    };
    const paint = (column: number, row: number): Promise<Picture> =>
      loan.use(async (painter) => {
        const begunMs = performance.now();
        const picture = await paintTile(painter, masksOf(painter), grid, { column, row });
        recentMs.push(performance.now() - begunMs);
        if (recentMs.length > recentTiles) recentMs.shift();
        return picture;
      });
    return new SlidePainter({ slide, umPerPixel, paintedUmPerPixel, grid, paint }, loan, recentMs);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.loan[Symbol.asyncDispose]();
  }
}
