import { densityClasses } from "../../core/index.js";

/** Buffers of one batch, laid out as the network takes them. S is the canvas' side, M = S / 2 the map's. */
export interface FieldBatch {
  /** [N, S, S, 4] RGBA; alpha 255 where the picture is, all 0 in the padding. */
  readonly field: Uint8Array;
  /** [N, 3, M, M] elliptical Gaussians, peak 1 at the map pixel that holds a cell's centre, maximum over cells. */
  readonly density: Float32Array;
  /** [N, 3, 4, M, M] distances (canvas px, >= 0) from a map pixel's centre to its cell's left, top, right, bottom. */
  readonly extent: Float32Array;
  /** [N, 3, M, M] weight of `extent`: the Gaussian where over 0.45, divided so that each cell's weights sum to 1. */
  readonly extentWeight: Float32Array;
  /** [N, 3, M, M] 1 where `density` is to be believed, else 0. */
  readonly valid: Float32Array;
}

/** Map pixels are this many canvas px apart. */
export const mapStride = 2;

const sigmaOfHalfBox = 0.2;
const leastSigmaMapPx = 0.7;
const reachSigmas = 3.5;
const extentAbove = 0.45;
/** Of a cell that the canvas' border cuts, this much of its side across must be seen for it to count as a cell. */
const leastSeen = 0.4;
/** Of an incompletely labelled class, this part of a labelled cell's box (as an ellipse) is known ground. */
const knownPart = 0.7;

const classCount = densityClasses.length;
const leukocyteIndex = densityClasses.indexOf("leukocyte");

/** What is painted into the maps of one sample; boxes in canvas px. */
export interface SampleLabels {
  /** Where the picture lies on the canvas. */
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  /** Left, top, right, bottom per cell, canvas px, as labelled: not clipped to the canvas. */
  readonly boxes: Float32Array;
  readonly classes: Uint8Array;
  readonly count: number;
  readonly incomplete: readonly boolean[];
}

/** Paints targets of samples into a batch; owns the scratch memory that it takes, so that painting allocates nothing. */
export class TargetPainter {
  readonly #side: number;
  readonly #plane: number;
  readonly #owner: Int32Array;
  readonly #gaussX: Float32Array;
  /** Boxes clipped to the canvas, and sums of the Gaussians, of the cells kept. */
  #clipped = new Float32Array(4 * 256);
  #sums = new Float32Array(256);

  constructor(private readonly canvasPx: number) {
    this.#side = canvasPx / mapStride;
    this.#plane = this.#side * this.#side;
    this.#owner = new Int32Array(classCount * this.#plane);
    this.#gaussX = new Float32Array(this.#side);
  }

  paint(batch: FieldBatch, sample: number, labels: SampleLabels): void {
    const planes = sample * classCount * this.#plane;
    batch.density.fill(0, planes, planes + classCount * this.#plane);
    batch.extentWeight.fill(0, planes, planes + classCount * this.#plane);
    batch.extent.fill(0, 4 * planes, 4 * (planes + classCount * this.#plane));
    this.#owner.fill(-1);
    this.#reserve(labels.count);
    this.#markPicture(batch.valid, planes, labels);
    for (let cell = 0; cell < labels.count; cell++) {
      const plane = planes + labels.classes[cell]! * this.#plane;
      const kept = this.#clip(labels.boxes, cell);
      if (kept) this.#paintGaussian(batch.density, plane, labels.classes[cell]!, cell);
      else this.#fillBox(batch.valid, plane, cell);
    }
    this.#finish(batch, planes, labels);
  }

  #reserve(count: number): void {
    if (this.#sums.length < count) {
      this.#sums = new Float32Array(2 * count);
      this.#clipped = new Float32Array(8 * count);
    }
    this.#sums.fill(0);
  }

  /** Whether a cell counts as one on the canvas; its box, clipped to the canvas, is left in the scratch memory. */
  #clip(boxes: Float32Array, cell: number): boolean {
    const at = 4 * cell;
    const size = this.canvasPx;
    const [left, top, right, bottom] = [boxes[at]!, boxes[at + 1]!, boxes[at + 2]!, boxes[at + 3]!];
    const clippedLeft = Math.max(left, 0);
    const clippedTop = Math.max(top, 0);
    const clippedRight = Math.min(right, size);
    const clippedBottom = Math.min(bottom, size);
    this.#clipped[at] = clippedLeft;
    this.#clipped[at + 1] = clippedTop;
    this.#clipped[at + 2] = clippedRight;
    this.#clipped[at + 3] = clippedBottom;
    return (
      clippedRight - clippedLeft >= leastSeen * (right - left) &&
      clippedBottom - clippedTop >= leastSeen * (bottom - top)
    );
  }

  #markPicture(valid: Float32Array, planes: number, { left, top, right, bottom, ...labels }: SampleLabels): void {
    const side = this.#side;
    const plane = valid.subarray(planes, planes + this.#plane);
    for (let i = 0, at = 0; i < side; i++) {
      const y = mapStride * i + 1;
      const inRow = y >= top && y <= bottom;
      for (let j = 0; j < side; j++, at++) {
        const x = mapStride * j + 1;
        plane[at] = inRow && x >= left && x <= right ? 1 : 0;
      }
    }
    for (let index = classCount - 1; index >= 0; index--) {
      const start = planes + index * this.#plane;
      if (index > 0) valid.copyWithin(start, planes, planes + this.#plane);
      if (labels.incomplete[index]) this.#keepKnown(valid, start, index, labels);
    }
  }

  /** Of an incompletely labelled class, only what lies well inside its labelled cells or inside leukocytes is known. */
  #keepKnown(
    valid: Float32Array,
    plane: number,
    classIndex: number,
    { boxes, classes, count }: Pick<SampleLabels, "boxes" | "classes" | "count">,
  ): void {
    for (let at = plane; at < plane + this.#plane; at++) if (valid[at] === 1) valid[at] = -1;
    for (let cell = 0; cell < count; cell++) {
      if (classes[cell] !== classIndex && classes[cell] !== leukocyteIndex) continue;
      const b = 4 * cell;
      const [x, y] = [(boxes[b]! + boxes[b + 2]!) / 2, (boxes[b + 1]! + boxes[b + 3]!) / 2];
      const radiusX = Math.max((knownPart * (boxes[b + 2]! - boxes[b]!)) / 2, 1);
      const radiusY = Math.max((knownPart * (boxes[b + 3]! - boxes[b + 1]!)) / 2, 1);
      this.#eachIn([x - radiusX, y - radiusY, x + radiusX, y + radiusY], (i, j) => {
        const [dx, dy] = [(mapStride * j + 1 - x) / radiusX, (mapStride * i + 1 - y) / radiusY];
        const at = plane + i * this.#side + j;
        if (dx * dx + dy * dy <= 1 && valid[at] === -1) valid[at] = 1;
      });
    }
    for (let at = plane; at < plane + this.#plane; at++) if (valid[at] === -1) valid[at] = 0;
  }

  #eachIn(
    [left, top, right, bottom]: readonly [number, number, number, number],
    visit: (i: number, j: number) => void,
  ) {
    const last = this.#side - 1;
    const toJ = Math.min(Math.ceil((right - 1) / mapStride), last);
    const toI = Math.min(Math.ceil((bottom - 1) / mapStride), last);
    for (let i = Math.max(Math.floor((top - 1) / mapStride), 0); i <= toI; i++)
      for (let j = Math.max(Math.floor((left - 1) / mapStride), 0); j <= toJ; j++) visit(i, j);
  }

  /** Takes what is seen of a cut cell out of the believed area of its class. */
  #fillBox(valid: Float32Array, plane: number, cell: number): void {
    const at = 4 * cell;
    const [left, top, right, bottom] = this.#clipped.subarray(at, at + 4) as unknown as [
      number,
      number,
      number,
      number,
    ];
    if (right <= left || bottom <= top) return;
    this.#eachIn([left, top, right, bottom], (i, j) => {
      valid[plane + i * this.#side + j] = 0;
    });
  }

  #paintGaussian(density: Float32Array, plane: number, classIndex: number, cell: number): void {
    const at = 4 * cell;
    const side = this.#side;
    // Map coordinates: pixel j is at j, so canvas x is at (x - 1) / 2.
    const centreX = ((this.#clipped[at]! + this.#clipped[at + 2]!) / 2 - 1) / mapStride;
    const centreY = ((this.#clipped[at + 1]! + this.#clipped[at + 3]!) / 2 - 1) / mapStride;
    const halfOf = (low: number): number => (this.#clipped[at + low + 2]! - this.#clipped[at + low]!) / (2 * mapStride);
    const sigmaX = Math.max(sigmaOfHalfBox * halfOf(0), leastSigmaMapPx);
    const sigmaY = Math.max(sigmaOfHalfBox * halfOf(1), leastSigmaMapPx);
    const fromJ = Math.max(Math.ceil(centreX - reachSigmas * sigmaX), 0);
    const toJ = Math.min(Math.floor(centreX + reachSigmas * sigmaX), side - 1);
    const fromI = Math.max(Math.ceil(centreY - reachSigmas * sigmaY), 0);
    const toI = Math.min(Math.floor(centreY + reachSigmas * sigmaY), side - 1);
    const gaussX = this.#gaussX;
    for (let j = fromJ; j <= toJ; j++) gaussX[j] = Math.exp(-(((j - centreX) / sigmaX) ** 2) / 2);
    const ownerPlane = classIndex * this.#plane;
    for (let i = fromI; i <= toI; i++) {
      const gaussY = Math.exp(-(((i - centreY) / sigmaY) ** 2) / 2);
      for (let j = fromJ; j <= toJ; j++) {
        const value = gaussY * gaussX[j]!;
        const pixel = i * side + j;
        if (value <= density[plane + pixel]!) continue;
        density[plane + pixel] = value;
        this.#owner[ownerPlane + pixel] = cell;
      }
    }
    const peakJ = Math.min(Math.max(Math.round(centreX), 0), side - 1);
    const peakI = Math.min(Math.max(Math.round(centreY), 0), side - 1);
    density[plane + peakI * side + peakJ] = 1;
    this.#owner[ownerPlane + peakI * side + peakJ] = cell;
  }

  /** Extents and their weights where the Gaussians are high; there the density is believed even beside a cut cell. */
  #finish(batch: FieldBatch, planes: number, { left, top, right, bottom }: SampleLabels): void {
    const { density, extent, extentWeight, valid } = batch;
    const side = this.#side;
    const sums = this.#sums;
    const count = classCount * this.#plane;
    for (let pixel = 0; pixel < count; pixel++) {
      const value = density[planes + pixel]!;
      if (value > extentAbove) sums[this.#owner[pixel]!] = sums[this.#owner[pixel]!]! + value;
    }
    for (let pixel = 0; pixel < count; pixel++) {
      const value = density[planes + pixel]!;
      if (value <= extentAbove) continue;
      const cell = this.#owner[pixel]!;
      const inPlane = pixel % this.#plane;
      const x = mapStride * (inPlane % side) + 1;
      const y = mapStride * Math.floor(inPlane / side) + 1;
      extentWeight[planes + pixel] = value / sums[cell]!;
      const to = 4 * planes + 4 * (pixel - inPlane) + inPlane;
      extent[to] = Math.max(x - this.#clipped[4 * cell]!, 0);
      extent[to + this.#plane] = Math.max(y - this.#clipped[4 * cell + 1]!, 0);
      extent[to + 2 * this.#plane] = Math.max(this.#clipped[4 * cell + 2]! - x, 0);
      extent[to + 3 * this.#plane] = Math.max(this.#clipped[4 * cell + 3]! - y, 0);
      if (x >= left && x <= right && y >= top && y <= bottom) valid[planes + pixel] = 1;
    }
  }
}
