/** A picture of yes and no: 1 or 0 per pixel, row by row. */
export interface Bitmap {
  readonly width: number;
  readonly height: number;
  readonly bits: Uint8Array;
}

export const countBits = ({ bits }: Bitmap): number => bits.reduce((sum, bit) => sum + bit, 0);

/** The pixels whose centres lie in the ellipse of a box, px of the bitmap; the box may reach out of it. */
export const ellipseBitmap = (
  box: { readonly left: number; readonly top: number; readonly right: number; readonly bottom: number },
  width: number,
  height: number,
): Bitmap => {
  const bits = new Uint8Array(width * height);
  const [middleX, middleY] = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
  const [radiusX, radiusY] = [(box.right - box.left) / 2, (box.bottom - box.top) / 2];
  for (let y = 0, at = 0; y < height; y++) {
    const down = ((y + 0.5 - middleY) / radiusY) ** 2;
    for (let x = 0; x < width; x++, at++) bits[at] = ((x + 0.5 - middleX) / radiusX) ** 2 + down <= 1 ? 1 : 0;
  }
  return { width, height, bits };
};

/**
 * Marks what is connected (by sides) to `start` and has the same value, in `marks`, with `mark`; `stack` holds as many
 * places as there are pixels. Gives the number of pixels marked.
 */
const flood = (
  { width, height, bits }: Bitmap,
  start: number,
  { marks, mark, stack }: { readonly marks: Int32Array; readonly mark: number; readonly stack: Int32Array },
): number => {
  const value = bits[start];
  const end = width * height;
  let waiting = 1;
  let count = 0;
  stack[0] = start;
  marks[start] = mark;
  while (waiting > 0) {
    const at = stack[--waiting]!;
    const x = at % width;
    count++;
    for (let side = 0; side < 4; side++) {
      if (side === 0 ? x === 0 : side === 1 && x === width - 1) continue;
      const next = side === 0 ? at - 1 : side === 1 ? at + 1 : side === 2 ? at - width : at + width;
      if (next < 0 || next >= end || bits[next] !== value || marks[next] !== 0) continue;
      marks[next] = mark;
      stack[waiting++] = next;
    }
  }
  return count;
};

/** Sides of a bitmap that stand for a wall: what is not set beside them may be a hole. */
export interface Walls {
  readonly left: boolean;
  readonly top: boolean;
  readonly right: boolean;
  readonly bottom: boolean;
}

const noWalls: Walls = { left: false, top: false, right: false, bottom: false };

/** The bitmap with every hole filled: what is not set and not connected (by sides) to a border that is no wall. */
export const fillHoles = (bitmap: Bitmap, walls: Walls = noWalls): Bitmap => {
  const { width, height, bits } = bitmap;
  const marks = new Int32Array(bits.length);
  const stack = new Int32Array(bits.length);
  const pour = (at: number, wall: boolean): void => {
    if (!wall && bits[at] === 0 && marks[at] === 0) flood(bitmap, at, { marks, mark: 1, stack });
  };
  for (let x = 0; x < width; x++) {
    pour(x, walls.top);
    pour((height - 1) * width + x, walls.bottom);
  }
  for (let y = 0; y < height; y++) {
    pour(y * width, walls.left);
    pour(y * width + width - 1, walls.right);
  }
  return { width, height, bits: bitsWhere(marks, 0) };
};

/** 1 where a mark has a value, else 0. A loop: `Uint8Array.from` takes twenty times as long. */
const bitsWhere = (marks: Int32Array, value: number): Uint8Array => {
  const bits = new Uint8Array(marks.length);
  for (let at = 0; at < marks.length; at++) if (marks[at] === value) bits[at] = 1;
  return bits;
};

/** The largest connected part (by sides) of what is set; empty where nothing is. */
export const largestPart = (bitmap: Bitmap): Bitmap => {
  const { width, height, bits } = bitmap;
  const marks = new Int32Array(bits.length);
  const stack = new Int32Array(bits.length);
  let [best, most, mark] = [-1, 0, 0];
  for (let at = 0; at < bits.length; at++) {
    if (bits[at] === 0 || marks[at] !== 0) continue;
    const count = flood(bitmap, at, { marks, mark: ++mark, stack });
    if (count > most) [best, most] = [mark, count];
  }
  return { width, height, bits: bitsWhere(marks, best) };
};

/** For each pixel the px to the nearest of `value` in its row, at most 255. */
const rowDistances = ({ width, bits }: Bitmap, value: number): Uint8Array => {
  const distances = new Uint8Array(bits.length);
  for (let row = 0; row < bits.length; row += width) {
    for (let at = row, distance = 255; at < row + width; at++) {
      distance = bits[at] === value ? 0 : Math.min(distance + 1, 255);
      distances[at] = distance;
    }
    for (let at = row + width - 1, distance = 255; at >= row; at--) {
      distance = Math.min(distance + 1, distances[at]!);
      distances[at] = distance;
    }
  }
  return distances;
};

/** Sets each pixel that has one of `value` within `radius` px to `value`; beyond the border nothing counts. */
const spread = (bitmap: Bitmap, value: number, radius: number): Bitmap => {
  const { width, height, bits } = bitmap;
  const distances = rowDistances(bitmap, value);
  const out = bits.slice();
  const reach = Math.floor(radius);
  for (let down = -reach; down <= reach; down++) {
    const across = Math.floor(Math.sqrt(radius * radius - down * down));
    const end = Math.min(height, height - down) * width;
    for (let at = Math.max(0, -down) * width, from = at + down * width; at < end; at++, from++) {
      if (distances[from]! <= across) out[at] = value;
    }
  }
  return { width, height, bits: out };
};

/** Morphological opening by a disc: what is too narrow for a disc of `radius` px is taken away. */
export const openBitmap = (bitmap: Bitmap, radius: number): Bitmap =>
  radius < 1 ? bitmap : spread(spread(bitmap, 0, radius), 1, radius);

/** The bitmap with so many empty px more on each side; fewer where `by` is negative. */
const widened = ({ width, height, bits }: Bitmap, by: number): Bitmap => {
  const wide = {
    width: width + 2 * by,
    height: height + 2 * by,
    bits: new Uint8Array((width + 2 * by) * (height + 2 * by)),
  };
  for (let y = Math.max(-by, 0); y < Math.min(height, height + by); y++) {
    const row = bits.subarray(y * width + Math.max(-by, 0), (y + 1) * width + Math.min(by, 0));
    wide.bits.set(row, (y + by) * wide.width + Math.max(by, 0));
  }
  return wide;
};

/** Morphological closing by a disc: gaps too narrow for a disc of `radius` px are filled. */
export const closeBitmap = (bitmap: Bitmap, radius: number): Bitmap => {
  if (radius < 1) return bitmap;
  const room = Math.ceil(radius) + 1;
  return widened(spread(spread(widened(bitmap, room), 1, radius), 0, radius), -room);
};

/** What is set in both; the sizes are the same. */
export const bothOf = (a: Bitmap, b: Bitmap): Bitmap => ({ ...a, bits: a.bits.map((bit, at) => bit & b.bits[at]!) });
