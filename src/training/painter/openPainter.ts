import { type CellClass, CytoError, createRandom, type LabelledCell } from "../../core/index.js";
import type { ExecutionProvider, ModelRef } from "../../detection/index.js";
import type { Picture } from "../../pictures/index.js";
import { loadPainterModel, openPainterSession } from "../../registry/index.js";
import { drawMask, type FieldMask, type Stain } from "../masks/index.js";
import { drawStain, type MaskSources, readMaskSources } from "./maskSources.js";
import { type MaskView, PicturePainter, paintedLabels, wholeView } from "./paintPicture.js";
import type { PainterKind } from "./settings.js";

export interface OpenPainterOptions {
  /** Default `cpu`. */
  readonly provider?: ExecutionProvider | undefined;
  /** Threads of onnxruntime; default its own choice. */
  readonly threads?: number | undefined;
  /** Makes every call into native code: for a thread that may be ended, which must not be while one is under way. */
  readonly native?: (<T>(call: () => Promise<T>) => Promise<T>) | undefined;
}

export interface DrawnField {
  /** Same seed and options: same mask. */
  readonly seed: number;
  /** Size of the picture that the mask shall give, px. */
  readonly width: number;
  readonly height: number;
  /** Classes asked for, as in `drawMask`. */
  readonly classes?: readonly CellClass[] | undefined;
  /** Default: one of the model's, drawn by the seed. */
  readonly stain?: Stain | undefined;
}

export interface PaintOptions {
  /** In place of the mask's own. */
  readonly stain?: Stain | undefined;
  /** What of the mask is painted, and how it lies; default the whole mask, upright. */
  readonly view?: MaskView | undefined;
  /** Of the noise, where the model has some (CGAN); default 1. */
  readonly seed?: number | undefined;
}

/** A painter from its model folder. Owner of native memory: dispose it. */
export interface Painter extends AsyncDisposable {
  readonly ref: ModelRef;
  readonly method: PainterKind;
  readonly provider: ExecutionProvider;
  /** Diameter of a red cell on its pictures, px (7.5 um). */
  readonly redCellPx: number;
  /** Sides of what it paints in one go are multiples of this, px. */
  readonly multiple: number;
  /**
   * How far around a part of a picture its mask is seen, px. Where parts begin and end on multiples of `multiple`, one
   * that is painted with so much around it is the same as in the whole picture.
   */
  readonly contextPx: number;
  /** What its random masks are drawn from. */
  readonly sources: MaskSources;
  /** A mask that gives a picture of the size asked for. @throws CytoError USAGE for a size that cannot be one */
  drawMask(field: DrawnField): FieldMask;
  /**
   * The picture of a mask, at `redCellPx` a red cell, of any size: its sides are the mask's times redCellPx over the mask's,
   * rounded. Same mask, stain and seed: same picture. Blocks the thread while it paints; large ones go tile by tile.
   */
  paint(mask: FieldMask, options?: PaintOptions): Promise<Picture>;
  /** Classes and boxes of a mask on its picture, px of the picture, cut at its border. */
  labelsOf(mask: FieldMask, view?: MaskView): readonly LabelledCell[];
}

/** Masks are this much larger than their pictures, so that outlines laid on these are as smooth as real ones. */
const oversize = 1.25;

/**
 * Opens the model folder of a painter.
 * @throws CytoError MODEL_NOT_FOUND, MODEL_INVALID, PROVIDER_UNAVAILABLE
 */
export const openPainter = async (
  directory: string,
  { provider = "cpu", threads, native = (call) => call() }: OpenPainterOptions = {},
): Promise<Painter> => {
  const source = await loadPainterModel(directory);
  const sources = await readMaskSources(source.masksPath);
  const session = await native(() =>
    openPainterSession(source, { provider, ...(threads === undefined ? {} : { threads }) }),
  );
  const painter = new PicturePainter({ paint: (feeds) => native(() => session.paint(feeds)) }, source);
  const { redCellPx, multiple } = source;
  return {
    ref: source.ref,
    method: source.method,
    provider,
    redCellPx,
    multiple,
    // One cell of the coarsest level, whose strided convolutions see as much again on either side (src/networks/generator.ts).
    contextPx: 2 * multiple,
    sources,
    drawMask({ seed, width, height, classes, stain }) {
      if (![width, height].every((side) => Number.isInteger(side) && side > 0))
        throw new CytoError("USAGE", `a picture cannot be ${width} x ${height} px`);
      return drawMask({
        seed,
        statistics: sources.statistics,
        outlines: sources.outlines,
        stain: stain ?? drawStain(sources, createRandom(seed).fork(1)),
        width: Math.round(width * oversize),
        height: Math.round(height * oversize),
        redCellPx: redCellPx * oversize,
        classes,
      });
    },
    paint: (mask, { stain = mask.stain, seed = 1, view = wholeView(mask, redCellPx) } = {}) =>
      painter.paint(mask, { view, stain, seed }),
    labelsOf: (mask, view = wholeView(mask, redCellPx)) => paintedLabels(mask, view),
    [Symbol.asyncDispose]: () => native(async () => session[Symbol.asyncDispose]()),
  };
};
