/** Writes bitmaps for tests, in every layout that `decodeBmp` reads. */
export interface BmpSpec {
  readonly width: number;
  readonly height: number;
  readonly bitsPerPixel: 1 | 4 | 8 | 16 | 24 | 32;
  readonly topDown?: boolean;
  readonly core?: boolean;
  /** Bytes of the info header: 40, 52, 56, 108 or 124. */
  readonly headerBytes?: number;
  readonly compression?: number;
  readonly masks?: readonly number[];
  /** RGB triplets. */
  readonly palette?: readonly (readonly [number, number, number])[];
  /** Raw values, from the top left, row by row: palette index, or the bits of a pixel. */
  readonly values: readonly number[];
}

export function writeBmp(spec: BmpSpec): Uint8Array {
  const headerBytes = spec.core === true ? 12 : (spec.headerBytes ?? 40);
  const entryBytes = spec.core === true ? 3 : 4;
  const palette = spec.palette ?? [];
  const masks = spec.masks ?? [];
  const outsideMasks = headerBytes === 40 ? masks.length * 4 : 0;
  const dataOffset = 14 + headerBytes + outsideMasks + palette.length * entryBytes;
  const stride = Math.ceil((spec.width * spec.bitsPerPixel) / 32) * 4;
  const bytes = new Uint8Array(dataOffset + stride * spec.height);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0x4d42, true);
  view.setUint32(2, bytes.length, true);
  view.setUint32(10, dataOffset, true);
  view.setUint32(14, headerBytes, true);
  if (spec.core === true) {
    view.setUint16(18, spec.width, true);
    view.setUint16(20, spec.height, true);
    view.setUint16(22, 1, true);
    view.setUint16(24, spec.bitsPerPixel, true);
  } else {
    view.setInt32(18, spec.width, true);
    view.setInt32(22, spec.topDown === true ? -spec.height : spec.height, true);
    view.setUint16(26, 1, true);
    view.setUint16(28, spec.bitsPerPixel, true);
    view.setUint32(30, spec.compression ?? 0, true);
    view.setUint32(46, palette.length, true);
    masks.forEach((mask, index) => {
      view.setUint32(54 + 4 * index, mask, true);
    });
  }
  palette.forEach(([red, green, blue], index) => {
    const at = 14 + headerBytes + outsideMasks + index * entryBytes;
    bytes.set([blue, green, red], at);
  });
  for (let y = 0; y < spec.height; y++) {
    const row = dataOffset + (spec.topDown === true ? y : spec.height - 1 - y) * stride;
    for (let x = 0; x < spec.width; x++) writePixel(view, row, x, spec.bitsPerPixel, spec.values[y * spec.width + x]!);
  }
  return bytes;
}

function writePixel(view: DataView, row: number, x: number, bits: number, value: number): void {
  if (bits === 32) view.setUint32(row + 4 * x, value, true);
  else if (bits === 16) view.setUint16(row + 2 * x, value, true);
  else if (bits === 24) {
    view.setUint16(row + 3 * x, value & 0xffff, true);
    view.setUint8(row + 3 * x + 2, value >>> 16);
  } else {
    const at = row + Math.floor((x * bits) / 8);
    view.setUint8(at, view.getUint8(at) | (value << (8 - bits - ((x * bits) % 8))));
  }
}
