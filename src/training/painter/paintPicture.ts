import { createRandom, type LabelledCell, type Random } from "../../core/index.js";
import type { Picture } from "../../pictures/index.js";
import type { PainterSession, PaintingNetwork } from "../../registry/index.js";
import {
  drawnPlaneCount,
  type FieldMask,
  MaskPainter,
  type MaskPlacement,
  placedLabels,
  type Stain,
  stainValues,
} from "../masks/index.js";

/** Pictures of more px a side are painted in tiles of this side, px, so that memory has a bound. */
const tilePx = 512;
/** What a tile sees of its neighbours and does not keep, px. */
const marginPx = 64;

/** Along one axis: what the network sees of the picture, and which part of that is kept, px of the picture. */
interface Stretch {
  readonly from: number;
  readonly length: number;
  readonly keepFrom: number;
  readonly keepTo: number;
}

/** Tiles along one axis; a picture that fits into one has one. Lengths are multiples of `multiple`. */
export const stretchesOf = (size: number, multiple: number): readonly Stretch[] => {
  const roundUp = (length: number): number => Math.ceil(length / multiple) * multiple;
  if (size <= tilePx) return [{ from: 0, length: roundUp(size), keepFrom: 0, keepTo: size }];
  const core = tilePx - 2 * marginPx;
  return Array.from({ length: Math.ceil(size / core) }, (_, index) => {
    const keepFrom = index * core;
    const keepTo = Math.min(keepFrom + core, size);
    const from = Math.max(keepFrom - marginPx, 0);
    return { from, length: roundUp(Math.min(keepTo + marginPx, size) - from), keepFrom, keepTo };
  });
};

const byteOf = (value: number): number => (value <= 0 ? 0 : value >= 1 ? 255 : (255 * value + 0.5) | 0);

/** Which part of a mask a picture shows, and how. */
export interface MaskView {
  /** Size of the picture, px. */
  readonly width: number;
  readonly height: number;
  readonly placement: MaskPlacement;
}

/** The whole mask, upright, at `redCellPx` a red cell: its sides times redCellPx over its own, rounded. */
export const wholeView = (
  mask: Pick<FieldMask, "width" | "height" | "redCellPx">,
  redCellPx: number,
  orientation = 0,
): MaskView => {
  const zoom = redCellPx / mask.redCellPx;
  const [across, down] = (orientation & 4) === 0 ? [mask.width, mask.height] : [mask.height, mask.width];
  const side = (length: number): number => Math.max(Math.round(length * zoom), 1);
  return { width: side(across), height: side(down), placement: { orientation, zoom, left: 0, top: 0 } };
};

/** Boxes and classes of what is painted, px of the picture, cut at its border; nothing thinner than half a px. */
export const paintedLabels = (mask: FieldMask, { width, height, placement }: MaskView): readonly LabelledCell[] =>
  placedLabels(mask, placement, Math.max(width, height)).flatMap(({ cellClass, box }): LabelledCell[] => {
    const cut = {
      left: Math.max(box.left, 0),
      top: Math.max(box.top, 0),
      right: Math.min(box.right, width),
      bottom: Math.min(box.bottom, height),
    };
    return cut.right - cut.left < 0.5 || cut.bottom - cut.top < 0.5 ? [] : [{ cellClass, box: cut }];
  });

export interface PaintRequest {
  readonly view: MaskView;
  readonly stain: Stain;
  /** Of the noise, where the network has noise planes. */
  readonly seed: number;
}

const noiseOf = (random: Random, length: number): Float32Array | undefined =>
  length === 0 ? undefined : Float32Array.from({ length }, () => random.normal());

/** Paints masks by a session; keeps the memory of the planes from one picture to the next. */
export class PicturePainter {
  #planes = new Float32Array(0);

  constructor(
    private readonly session: Pick<PainterSession, "paint">,
    private readonly network: PaintingNetwork,
  ) {}

  /** The picture of a mask, of any size. */
  async paint(mask: FieldMask, { view, stain, seed }: PaintRequest): Promise<Picture> {
    const { width, height, placement } = view;
    const { multiple, noisePlanes } = this.network;
    const pixels = new Uint8Array(3 * width * height);
    const numbers = Float32Array.from(stainValues(stain));
    const random = createRandom(seed);
    for (const down of stretchesOf(height, multiple)) {
      for (const across of stretchesOf(width, multiple)) {
        const tile = { width: across.length, height: down.length };
        const area = tile.width * tile.height;
        if (this.#planes.length < drawnPlaneCount * area) this.#planes = new Float32Array(drawnPlaneCount * area);
        const masks = this.#planes.subarray(0, drawnPlaneCount * area);
        const shifted = { ...placement, left: placement.left - across.from, top: placement.top - down.from };
        new MaskPainter(tile, drawnPlaneCount).paint(masks, 0, mask, { placement: shifted });
        const noise = noiseOf(random, noisePlanes * area);
        const painted = await this.session.paint({ ...tile, masks, stain: numbers, noise });
        for (let y = down.keepFrom; y < down.keepTo; y++) {
          let from = (y - down.from) * tile.width + across.keepFrom - across.from;
          let to = 3 * (y * width + across.keepFrom);
          for (let x = across.keepFrom; x < across.keepTo; x++, from++, to += 3) {
            pixels[to] = byteOf(painted[from]!);
            pixels[to + 1] = byteOf(painted[area + from]!);
            pixels[to + 2] = byteOf(painted[2 * area + from]!);
          }
        }
      }
    }
    return { width, height, pixels };
  }
}
