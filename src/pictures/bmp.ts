import { CytoError } from "../core/index.js";
import { defaultMaxPixels, type Picture, type PictureLimits } from "./picture.js";

/**
 * Reads Windows and OS/2 bitmaps, which libvips as shipped with sharp does not: 1, 4, 8, 16, 24 and 32 bits a pixel,
 * BI_RGB, BI_BITFIELDS and BI_ALPHABITFIELDS, bottom-up and top-down. Layout: Microsoft, "Bitmap Storage" and
 * BITMAPINFOHEADER / BITMAPV5HEADER. Run-length encoded bitmaps are refused by name.
 */

interface BmpHeader {
  readonly width: number;
  readonly height: number;
  readonly topDown: boolean;
  readonly bitsPerPixel: number;
  readonly dataOffset: number;
  readonly stride: number;
  /** RGB triplets, empty above 8 bits a pixel. */
  readonly palette: Uint8Array;
  /** Red, green, blue, alpha; present for 16 and 32 bits a pixel. */
  readonly masks: readonly [number, number, number, number] | undefined;
}

const fileHeaderBytes = 14;
const coreHeaderBytes = 12;
const infoHeaderBytes = 40;
const biRgb = 0;
const biBitfields = 3;
const biAlphaBitfields = 6;

const unreadable = (why: string): CytoError => new CytoError("IMAGE_UNREADABLE", `The BMP picture ${why}.`);

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function parseHeader(bytes: Uint8Array, maxPixels: number): BmpHeader {
  if (bytes.length < fileHeaderBytes + coreHeaderBytes) throw unreadable("ends within its header");
  const view = viewOf(bytes);
  if (view.getUint16(0, true) !== 0x4d42) throw unreadable("does not begin with BM");
  const headerBytes = view.getUint32(fileHeaderBytes, true);
  const core = headerBytes === coreHeaderBytes;
  if (!core && headerBytes < infoHeaderBytes)
    throw unreadable(`has a header of ${headerBytes} bytes, which is unknown`);
  if (fileHeaderBytes + headerBytes > bytes.length) throw unreadable("ends within its header");
  const width = core ? view.getUint16(18, true) : view.getInt32(18, true);
  const signedHeight = core ? view.getUint16(20, true) : view.getInt32(22, true);
  const height = Math.abs(signedHeight);
  if (width <= 0 || height === 0) throw unreadable(`has no area (${width} x ${signedHeight})`);
  if (width * height > maxPixels) {
    throw new CytoError("IMAGE_TOO_LARGE", `A BMP picture of ${width} x ${height} pixels is over the limit.`, {
      context: { width, height, maxPixels },
    });
  }
  const bitsPerPixel = view.getUint16(core ? 24 : 28, true);
  const compression = core ? biRgb : view.getUint32(30, true);
  if (![1, 4, 8, 16, 24, 32].includes(bitsPerPixel)) throw unreadable(`has ${bitsPerPixel} bits a pixel`);
  const masks = parseMasks(view, { bitsPerPixel, compression, headerBytes });
  const dataOffset = view.getUint32(10, true);
  const stride = Math.ceil((width * bitsPerPixel) / 32) * 4;
  if (dataOffset < fileHeaderBytes + headerBytes) throw unreadable("has pixels that begin within its header");
  if (dataOffset + stride * height > bytes.length) throw unreadable("is truncated");
  const palette = bitsPerPixel <= 8 ? parsePalette(bytes, { bitsPerPixel, headerBytes, core, dataOffset }) : noPalette;
  return { width, height, topDown: signedHeight < 0, bitsPerPixel, dataOffset, stride, palette, masks };
}

const noPalette = new Uint8Array(0);

function parseMasks(
  view: DataView,
  { bitsPerPixel, compression, headerBytes }: { bitsPerPixel: number; compression: number; headerBytes: number },
): BmpHeader["masks"] {
  if (compression === biRgb) {
    if (bitsPerPixel === 16) return [0x7c00, 0x03e0, 0x001f, 0];
    if (bitsPerPixel === 32) return [0xff0000, 0xff00, 0xff, 0];
    return undefined;
  }
  if (compression !== biBitfields && compression !== biAlphaBitfields) {
    throw unreadable(`is compressed in a way that is not read (${compression})`);
  }
  if (bitsPerPixel !== 16 && bitsPerPixel !== 32) throw unreadable(`has bit fields at ${bitsPerPixel} bits a pixel`);
  const at = fileHeaderBytes + infoHeaderBytes;
  const withAlpha = compression === biAlphaBitfields || headerBytes >= 56;
  if (at + (withAlpha ? 16 : 12) > view.byteLength) throw unreadable("ends within its bit fields");
  const mask = (index: number): number => view.getUint32(at + 4 * index, true);
  return [mask(0), mask(1), mask(2), withAlpha ? mask(3) : 0];
}

function parsePalette(
  bytes: Uint8Array,
  at: { bitsPerPixel: number; headerBytes: number; core: boolean; dataOffset: number },
): Uint8Array {
  const entryBytes = at.core ? 3 : 4;
  const full = 2 ** at.bitsPerPixel;
  const declared = at.core ? 0 : viewOf(bytes).getUint32(46, true);
  const start = fileHeaderBytes + at.headerBytes;
  const room = Math.floor((at.dataOffset - start) / entryBytes);
  const count = Math.min(declared === 0 ? full : declared, full, room);
  const palette = new Uint8Array(count * 3);
  for (let index = 0; index < count; index++) {
    const from = start + index * entryBytes;
    palette[index * 3] = bytes[from + 2]!;
    palette[index * 3 + 1] = bytes[from + 1]!;
    palette[index * 3 + 2] = bytes[from]!;
  }
  return palette;
}

/** How a field of a pixel becomes 0 to 255. */
interface Channel {
  readonly mask: number;
  readonly shift: number;
  readonly max: number;
}

function channelOf(mask: number): Channel {
  if (mask === 0) return { mask: 0, shift: 0, max: 0 };
  const shift = 31 - Math.clz32(mask & -mask);
  const max = mask >>> shift;
  if ((max & (max + 1)) !== 0) throw unreadable("has a bit field with gaps");
  return { mask, shift, max };
}

const read = (channel: Channel, value: number): number => (value & channel.mask) >>> channel.shift;

const toByte = (channel: Channel, value: number): number =>
  channel.max === 255 ? read(channel, value) : channel.max === 0 ? 0 : (read(channel, value) * 255) / channel.max + 0.5;

type RowReader = (from: number, to: number) => void;

function paletteRows(bytes: Uint8Array, pixels: Uint8Array, { width, bitsPerPixel, palette }: BmpHeader): RowReader {
  const perByte = 8 / bitsPerPixel;
  const mask = 2 ** bitsPerPixel - 1;
  return (from, to) => {
    for (let x = 0; x < width; x++) {
      const byte = bytes[from + Math.floor(x / perByte)]!;
      const entry = 3 * ((byte >>> (8 - bitsPerPixel * ((x % perByte) + 1))) & mask);
      if (entry >= palette.length) throw unreadable("has a pixel whose colour is not in its palette");
      pixels[to + 3 * x] = palette[entry]!;
      pixels[to + 3 * x + 1] = palette[entry + 1]!;
      pixels[to + 3 * x + 2] = palette[entry + 2]!;
    }
  };
}

function trueColourRows(bytes: Uint8Array, pixels: Uint8Array, { width }: BmpHeader): RowReader {
  return (from, to) => {
    for (let at = 0; at < 3 * width; at += 3) {
      pixels[to + at] = bytes[from + at + 2]!;
      pixels[to + at + 1] = bytes[from + at + 1]!;
      pixels[to + at + 2] = bytes[from + at]!;
    }
  };
}

function maskedRows(bytes: Uint8Array, pixels: Uint8Array, header: BmpHeader): RowReader {
  const view = viewOf(bytes);
  const wide = header.bitsPerPixel === 32;
  const masks = header.masks ?? [0, 0, 0, 0];
  const [red, green, blue] = [channelOf(masks[0]), channelOf(masks[1]), channelOf(masks[2])];
  const pixelAt = (offset: number): number => (wide ? view.getUint32(offset, true) : view.getUint16(offset, true));
  const alpha = opaqueWhereUnused(channelOf(masks[3]), header, pixelAt);
  const step = wide ? 4 : 2;
  return (from, to) => {
    for (let x = 0; x < header.width; x++) {
      const value = pixelAt(from + x * step);
      const opacity = alpha.max === 0 ? 1 : read(alpha, value) / alpha.max;
      const paper = 255 * (1 - opacity);
      pixels[to + 3 * x] = paper + opacity * toByte(red, value);
      pixels[to + 3 * x + 1] = paper + opacity * toByte(green, value);
      pixels[to + 3 * x + 2] = paper + opacity * toByte(blue, value);
    }
  };
}

/** Many writers declare an alpha field and leave it zero throughout: such a picture is opaque, not invisible. */
function opaqueWhereUnused(alpha: Channel, header: BmpHeader, pixelAt: (offset: number) => number): Channel {
  if (alpha.max === 0) return alpha;
  const step = header.bitsPerPixel / 8;
  for (let y = 0; y < header.height; y++) {
    for (let x = 0; x < header.width; x++) {
      if (read(alpha, pixelAt(header.dataOffset + y * header.stride + x * step)) !== 0) return alpha;
    }
  }
  return channelOf(0);
}

/**
 * Decodes a bitmap. Alpha is laid over white.
 * @throws CytoError IMAGE_UNREADABLE, IMAGE_TOO_LARGE
 */
export function decodeBmp(bytes: Uint8Array, limits: PictureLimits = {}): Picture {
  const header = parseHeader(bytes, limits.maxPixels ?? defaultMaxPixels);
  const { width, height, topDown, dataOffset, stride, bitsPerPixel } = header;
  const pixels = new Uint8Array(width * height * 3);
  const rows = bitsPerPixel <= 8 ? paletteRows : bitsPerPixel === 24 ? trueColourRows : maskedRows;
  const readRow = rows(bytes, pixels, header);
  for (let y = 0; y < height; y++) {
    readRow(dataOffset + (topDown ? y : height - 1 - y) * stride, y * width * 3);
  }
  return { width, height, pixels };
}
