import { cellClasses, createRandom, isLeukocyteClass, leukocyteClasses } from "../../core/index.js";
import { stainNumbers } from "../../networks/index.js";
import { ColourChange, type ColourJitter } from "../datasets/colourJitter.js";
import type { StoredField } from "../datasets/fieldPictures.js";
import { FieldPainter, laidSize, layBoxes, type Placement } from "../datasets/fieldView.js";
import { cropUm, redCellDiameterUm } from "../datasets/index.js";
import { groupByDataset, SampleOrder, type SamplerState } from "../datasets/sampleOrder.js";
import { changeStain, drawnPlaneCount, MaskPainter, stainValues } from "../masks/index.js";
import type { MaskedField } from "./maskedFields.js";
import type { PaintedCell, PaintingBatch } from "./problem.js";
import { paintedRedCellPx } from "./writePainter.js";

/** How fields are varied for a painter: never blurred or noised, for what it sees is what it paints. */
export interface PaintingAugmentation extends ColourJitter {
  /** Half-width of the uniform range about 1 of the factor on the scale. */
  readonly scale: number;
}

export const paintingAugmentation: PaintingAugmentation = {
  scale: 0.1,
  contrast: 0.1,
  brightness: 0.03,
  gain: 0.05,
  gamma: 0.08,
  hueDegrees: 5,
  saturation: 0.1,
};

export interface PaintingSamplerOptions {
  readonly fields: readonly MaskedField[];
  /** Fields a batch. */
  readonly batch: number;
  /** Side of the crops, px. */
  readonly sidePx: number;
  readonly seed: number;
  /** Share of the samples by name of the data set; one that is not named has the root of the number of its fields. */
  readonly shares?: Readonly<Record<string, number>> | undefined;
  readonly augmentation?: Partial<PaintingAugmentation> | undefined;
}

/** An endless source of batches of varied fields with their masks. */
export interface PaintingSampler {
  /** The next batch, in one of two sets of buffers in turn: valid until the call after the next. */
  next(): PaintingBatch;
  state(): SamplerState;
  /** Goes on bit for bit where `state` was taken, given the same options. @throws CytoError CHECKPOINT_INVALID */
  restore(state: SamplerState): void;
}

const noNoise = { noise: new Float32Array(1), noiseAt: 0, noiseScale: 0 };

/** The zoom that brings a field to its scale; a field too small for the canvas is enlarged until it covers it. */
const zoomOf = (field: StoredField, redCellPx: number, sidePx: number): number =>
  Math.max(redCellPx / field.redCellPx, (sidePx + 1) / Math.min(field.width, field.height));

const dropAlpha = (rgba: Uint8Array, rgb: Uint8Array, start: number): void => {
  for (let from = 0, to = start; from < rgba.length; from += 4, to += 3) {
    rgb[to] = rgba[from]!;
    rgb[to + 1] = rgba[from + 1]!;
    rgb[to + 2] = rgba[from + 2]!;
  }
};

/** Fills samples of a batch with fields, their masks and named leukocytes, all laid alike. */
export class SamplePainter {
  readonly #fields: FieldPainter;
  readonly #masks: MaskPainter;
  readonly #rgba: Uint8Array;
  #boxes = new Float32Array(0);

  constructor(private readonly sidePx: number) {
    this.#fields = new FieldPainter(sidePx);
    this.#masks = new MaskPainter(sidePx, drawnPlaneCount);
    this.#rgba = new Uint8Array(4 * sidePx * sidePx);
  }

  /** Paints everything of one sample; gives the named leukocytes in it. */
  paint(
    batch: PaintingBatch,
    sample: number,
    { field, mask }: MaskedField,
    { placement, colours }: { readonly placement: Placement; readonly colours: ColourChange },
  ): readonly PaintedCell[] {
    this.#fields.paint({ field: this.#rgba }, 0, { field, placement, colours, ...noNoise });
    dropAlpha(this.#rgba, batch.pictures, 3 * sample * this.sidePx * this.sidePx);
    this.#masks.paint(batch.masks, sample, mask, { placement });
    batch.stain.set(stainValues(changeStain(mask.stain, colours)), sample * stainNumbers);
    return this.#namedCells(field, placement, sample);
  }

  /** Leukocytes of known class whose middle is on the canvas and of which no more than a tenth is cut at a side. */
  #namedCells(field: StoredField, placement: Placement, picture: number): readonly PaintedCell[] {
    if (this.#boxes.length < field.boxes.length) this.#boxes = new Float32Array(field.boxes.length);
    layBoxes(field, placement, this.#boxes);
    const side = (cropUm / redCellDiameterUm) * field.redCellPx * placement.zoom;
    return Array.from(field.cellClasses).flatMap((index, cell): PaintedCell[] => {
      const cellClass = cellClasses[index]!;
      if (!isLeukocyteClass(cellClass)) return [];
      const [left, top, right, bottom] = this.#boxes.subarray(4 * cell, 4 * cell + 4) as unknown as [
        number,
        number,
        number,
        number,
      ];
      const room = 0.1 * Math.max(right - left, bottom - top);
      if (left < -room || top < -room || right > this.sidePx + room || bottom > this.sidePx + room) return [];
      return [
        {
          picture,
          x: (left + right) / 2,
          y: (top + bottom) / 2,
          side,
          classIndex: leukocyteClasses.indexOf(cellClass),
        },
      ];
    });
  }
}

export const createPaintingBatch = (batch: number, sidePx: number): Omit<PaintingBatch, "cells"> => ({
  pictures: new Uint8Array(batch * sidePx * sidePx * 3),
  masks: new Float32Array(batch * drawnPlaneCount * sidePx * sidePx),
  stain: new Float32Array(batch * stainNumbers),
});

/** The middle of a field as it is, for what is held out: upright, in its own colours. */
export const middlePlacement = (field: StoredField, sidePx: number): Placement => {
  const zoom = zoomOf(field, paintedRedCellPx, sidePx);
  const [width, height] = laidSize(field, 0, zoom);
  return { orientation: 0, zoom, left: (sidePx - width) / 2, top: (sidePx - height) / 2, blurPx: 0 };
};

/** A change of colours that changes none. */
export const sameColours = (): ColourChange => {
  const colours = new ColourChange();
  const none = { contrast: 0, brightness: 0, gain: 0, gamma: 0, hueDegrees: 0, saturation: 0 };
  colours.draw(createRandom(1), none);
  return colours;
};

class Sampler implements PaintingSampler {
  readonly #order;
  readonly #buffers;
  #turn = 0;
  readonly #painter: SamplePainter;
  readonly #colours = new ColourChange();
  readonly #augmentation: PaintingAugmentation;

  constructor(private readonly options: PaintingSamplerOptions) {
    const { fields, batch, sidePx, seed, shares = {} } = options;
    const items = fields.map((masked) => ({ ...masked, dataset: masked.field.dataset }));
    const counts = new Map<string, number>();
    for (const { dataset } of items) counts.set(dataset, (counts.get(dataset) ?? 0) + 1);
    const roots = Object.fromEntries([...counts].map(([name, count]) => [name, Math.sqrt(count)]));
    this.#order = new SampleOrder(groupByDataset(items, { ...roots, ...shares }), seed);
    this.#buffers = [createPaintingBatch(batch, sidePx), createPaintingBatch(batch, sidePx)] as const;
    this.#painter = new SamplePainter(sidePx);
    this.#augmentation = { ...paintingAugmentation, ...options.augmentation };
  }

  next(): PaintingBatch {
    const buffers = this.#buffers[this.#turn]!;
    this.#turn = 1 - this.#turn;
    const cells: PaintedCell[] = [];
    for (let sample = 0; sample < this.options.batch; sample++) {
      const masked = this.#order.next();
      const placement = this.#place(masked.field);
      this.#colours.draw(this.#order.random, this.#augmentation);
      cells.push(...this.#painter.paint({ ...buffers, cells }, sample, masked, { placement, colours: this.#colours }));
    }
    return { ...buffers, cells };
  }

  state(): SamplerState {
    return this.#order.state();
  }

  restore(state: SamplerState): void {
    this.#order.restore(state);
  }

  #place(field: StoredField): Placement {
    const random = this.#order.random;
    const { sidePx } = this.options;
    const orientation = random.int(8);
    const scale = 1 + this.#augmentation.scale * (2 * random.next() - 1);
    const zoom = zoomOf(field, paintedRedCellPx * scale, sidePx);
    const [width, height] = laidSize(field, orientation, zoom);
    const left = random.next() * (sidePx - width);
    const top = random.next() * (sidePx - height);
    return { orientation, zoom, left, top, blurPx: 0 };
  }
}

/**
 * Batches of crops of real fields for a painter, the same for the same seed: each in one of eight orientations, shifted,
 * somewhat scaled, its colours changed together with the stain that the painter is told.
 */
export const createPaintingSampler = (options: PaintingSamplerOptions): PaintingSampler => new Sampler(options);

/** A field is too small to be enlarged to a canvas where it would be more than twice its size. */
export const isLargeEnough = (field: StoredField, sidePx: number): boolean =>
  zoomOf(field, paintedRedCellPx, sidePx) <= (2 * paintedRedCellPx) / field.redCellPx;
