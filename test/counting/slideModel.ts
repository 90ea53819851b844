import {
  type Cell,
  type CellClass,
  createRandom,
  densityClassOf,
  type LabelledCell,
  type Random,
} from "../../src/core/index.js";
import type { CountedField, PointUm, RectUm, Thumbnail } from "../../src/counting/index.js";

/** A slide whose truth is known: cells with their boxes in um. */
export interface ModelSlide {
  readonly cells: readonly LabelledCell[];
}

export interface ModelFieldOptions {
  readonly sequence: number;
  readonly umPerPixel: number;
  readonly widthPx: number;
  readonly heightPx: number;
}

/** What a detector does wrong; none of it by default. */
export interface DetectorNoise {
  readonly random: Random;
  /** Share of cells not found, per view. */
  readonly miss: number;
  /** Falsely found cells per true one. */
  readonly false: number;
  /** Standard deviation of each edge, um. */
  readonly edgeUm: number;
  /** Cells of which less than this share shows are not found. */
  readonly leastVisible: number;
}

const diametersUm: Partial<Record<CellClass, readonly [number, number]>> = {
  erythrocyte: [7.5, 0.5],
  platelet: [2.6, 0.4],
};

/** A slide of cells thrown at random over a rectangle, no two of their centres closer than `leastGapUm`. */
export const throwCells = (
  seed: number,
  rect: RectUm,
  options: { readonly perMm2: number; readonly leastGapUm: number },
): ModelSlide => {
  const random = createRandom(seed);
  const wanted = Math.round(((rect.right - rect.left) * (rect.bottom - rect.top) * options.perMm2) / 1e6);
  const bin = Math.max(1, options.leastGapUm);
  const taken = new Map<string, PointUm[]>();
  const cells: LabelledCell[] = [];
  const isFree = (x: number, y: number): boolean => {
    for (let j = -1; j <= 1; j++) {
      for (let i = -1; i <= 1; i++) {
        const others = taken.get(`${Math.floor(x / bin) + i}:${Math.floor(y / bin) + j}`) ?? [];
        if (others.some((other) => Math.hypot(other.x - x, other.y - y) < options.leastGapUm)) return false;
      }
    }
    return true;
  };
  for (let tries = 0; cells.length < wanted && tries < 30 * wanted; tries++) {
    const x = rect.left + random.next() * (rect.right - rect.left);
    const y = rect.top + random.next() * (rect.bottom - rect.top);
    if (!isFree(x, y)) continue;
    const key = `${Math.floor(x / bin)}:${Math.floor(y / bin)}`;
    taken.set(key, [...(taken.get(key) ?? []), { x, y }]);
    const kind = random.next();
    const cellClass: CellClass =
      kind < 0.9 ? "erythrocyte" : kind < 0.95 ? "platelet" : kind < 0.98 ? "neutrophil" : "lymphocyte";
    const [mean, deviation] = diametersUm[cellClass] ?? [12, 1.5];
    const width = Math.max(1.5, mean + deviation * random.normal());
    const height = width * (1 + 0.1 * (random.next() - 0.5));
    cells.push({
      cellClass,
      box: { left: x - width / 2, top: y - height / 2, right: x + width / 2, bottom: y + height / 2 },
    });
  }
  return { cells };
};

export const sizeOf = ({ widthPx, heightPx, umPerPixel }: Omit<ModelFieldOptions, "sequence">) => ({
  width: widthPx * umPerPixel,
  height: heightPx * umPerPixel,
});

/** A found cell; `identity` travels in its mass, which counting does not look at. */
export const detected = (cellClass: CellClass, box: Cell["box"], confidence = 0.9, identity = 1): Cell => ({
  cellClass,
  densityClass: densityClassOf(cellClass),
  centre: { x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 },
  box,
  confidence,
  mass: identity,
});

/** The cells of a slide that touch a field of the given rectangle, as a detector would say it. */
export const lookAt = (
  slide: ModelSlide,
  trueCentre: PointUm,
  options: ModelFieldOptions,
  noise?: DetectorNoise,
): CountedField => {
  const { umPerPixel, widthPx, heightPx, sequence } = options;
  const left = trueCentre.x - (widthPx * umPerPixel) / 2;
  const top = trueCentre.y - (heightPx * umPerPixel) / 2;
  const edge = (value: number, most: number): number =>
    Math.min(
      most,
      Math.max(0, value + (noise === undefined ? 0 : (noise.edgeUm * noise.random.normal()) / umPerPixel)),
    );
  const cells: Cell[] = [];
  const add = (cellClass: CellClass, box: LabelledCell["box"], identity: number): void => {
    const whole = {
      left: (box.left - left) / umPerPixel,
      top: (box.top - top) / umPerPixel,
      right: (box.right - left) / umPerPixel,
      bottom: (box.bottom - top) / umPerPixel,
    };
    const seenWidth = Math.min(whole.right, widthPx) - Math.max(whole.left, 0);
    const seenHeight = Math.min(whole.bottom, heightPx) - Math.max(whole.top, 0);
    if (seenWidth <= 0 || seenHeight <= 0) return;
    const visible = (seenWidth * seenHeight) / ((whole.right - whole.left) * (whole.bottom - whole.top));
    if (noise !== undefined && (visible < noise.leastVisible || noise.random.next() < noise.miss)) return;
    // What a border cuts ends at the border; other edges are found with some error.
    const seen = {
      left: whole.left <= 0 ? 0 : edge(whole.left, widthPx),
      top: whole.top <= 0 ? 0 : edge(whole.top, heightPx),
      right: whole.right >= widthPx ? widthPx : edge(whole.right, widthPx),
      bottom: whole.bottom >= heightPx ? heightPx : edge(whole.bottom, heightPx),
    };
    if (seen.right > seen.left && seen.bottom > seen.top) cells.push(detected(cellClass, seen, 0.9, identity));
  };
  slide.cells.forEach(({ cellClass, box }, index) => {
    add(cellClass, box, index);
  });
  const found = cells.length;
  for (let i = 0; noise !== undefined && i < found; i++) {
    if (noise.random.next() >= noise.false) continue;
    const x = left + noise.random.next() * widthPx * umPerPixel;
    const y = top + noise.random.next() * heightPx * umPerPixel;
    add("erythrocyte", { left: x - 3.5, top: y - 3.5, right: x + 3.5, bottom: y + 3.5 }, 1e6 * (sequence + 1) + i);
  }
  return { sequence, umPerPixel, widthPx, heightPx, cells, simulated: true };
};

/** Cells whose right lower corner lies in a union of rectangles: what the rule of the border counts. */
export const cornersInside = (slide: ModelSlide, rects: readonly RectUm[]): LabelledCell[] =>
  slide.cells.filter(({ box }) =>
    rects.some((r) => box.right >= r.left && box.right < r.right && box.bottom >= r.top && box.bottom < r.bottom),
  );

/** A smear as thumbnails show it: discs on a light ground, with noise, a slope of light and a spot on the sensor. */
export const paintThumbnail = (
  slide: ModelSlide,
  centre: PointUm,
  { widthPx, heightPx, umPerPixel }: Omit<ModelFieldOptions, "sequence">,
  random: Random,
): Thumbnail => {
  const width = 128;
  const height = Math.round((128 * heightPx) / widthPx);
  const um = (widthPx * umPerPixel) / width;
  const luminance = new Float32Array(width * height);
  const gain = 1 + 0.05 * random.normal();
  for (let i = 0; i < luminance.length; i++) {
    const x = i % width;
    const y = Math.floor(i / width);
    const dirt = Math.hypot(x - 90, y - 30) < 3 ? -60 : 0;
    luminance[i] = gain * (215 + 15 * (x / width) + dirt) + 2 * random.normal();
  }
  const left = centre.x - (widthPx * umPerPixel) / 2;
  const top = centre.y - (heightPx * umPerPixel) / 2;
  for (const { cellClass, box } of slide.cells) {
    const x = ((box.left + box.right) / 2 - left) / um;
    const y = ((box.top + box.bottom) / 2 - top) / um;
    const radius = (box.right - box.left) / 2 / um;
    const dark = cellClass === "erythrocyte" ? 60 : 110;
    for (let j = Math.max(0, Math.floor(y - radius - 1)); j < Math.min(height, y + radius + 1); j++) {
      for (let i = Math.max(0, Math.floor(x - radius - 1)); i < Math.min(width, x + radius + 1); i++) {
        const inside = Math.min(1, Math.max(0, radius + 0.5 - Math.hypot(i + 0.5 - x, j + 0.5 - y)));
        luminance[j * width + i] = luminance[j * width + i]! - dark * inside;
      }
    }
  }
  return { width, height, luminance };
};
