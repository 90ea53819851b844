import { type FileHandle, open } from "node:fs/promises";
import sharp, { type Metadata } from "sharp";
import { CytoError } from "../core/index.js";
import { decodeBmp } from "./bmp.js";
import { type PictureFormat, sniffBytes, sniffFormat } from "./format.js";
import { isWholeJpeg } from "./jpeg.js";
import { defaultMaxPixels, type Picture, type PictureLimits } from "./picture.js";

// libvips keeps opened files and results by name; a folder that a microscope writes into would show old pictures.
sharp.cache(false);

export interface DecodedPicture extends Picture {
  /** As the content tells, whatever the file is called. */
  readonly format: PictureFormat;
}

const decodeTimeoutSeconds = 30;

/**
 * Decodes a JPEG, PNG, TIFF or BMP picture, given as bytes or as the path of a file. The format is recognised by
 * content. Comes out upright (EXIF orientation applied), 8-bit sRGB: 16-bit, grey, palette and CMYK are converted,
 * embedded colour profiles applied, alpha laid over white; of several pages the first is read.
 *
 * @throws CytoError IMAGE_UNREADABLE (truncated, empty, damaged, another format, floating-point samples, no such file),
 *   IMAGE_TOO_LARGE (more pixels than `limits.maxPixels`; nothing was decoded)
 */
export async function decodePicture(input: Uint8Array | string, limits: PictureLimits = {}): Promise<DecodedPicture> {
  const maxPixels = limits.maxPixels ?? defaultMaxPixels;
  const name = typeof input === "string" ? input : undefined;
  const { format, bytes } = typeof input === "string" ? await inspectFile(input, maxPixels) : inspectBytes(input);
  if (format === "bmp") return { format, ...named(name, () => decodeBmp(bytes ?? new Uint8Array(0), { maxPixels })) };
  return { format, ...(await decodeBySharp(input, maxPixels)) };
}

/** A picture made smaller while it was decoded. */
export interface Preview extends DecodedPicture {
  /** Of the whole picture, upright. */
  readonly fullWidth: number;
  readonly fullHeight: number;
}

/** A JPEG's blocks of 8 px can be decoded to 2 or 1: so much its sides shrink. To 4, the shrinking costs what the decoding saves. */
const jpegShrinks = [8, 4] as const;

/**
 * Reads a picture through, as `decodePicture` does and with its errors, but makes no more of it than `leastPixels` ask for: of a JPEG the
 * blocks are decoded at a fraction of their size, a third of the work. Other formats come out whole.
 */
export async function decodePreview(
  bytes: Uint8Array,
  { leastPixels, ...limits }: PictureLimits & { readonly leastPixels: number },
): Promise<Preview> {
  const maxPixels = limits.maxPixels ?? defaultMaxPixels;
  if (inspectBytes(bytes).format !== "jpeg") {
    const whole = await decodePicture(bytes, limits);
    return { ...whole, fullWidth: whole.width, fullHeight: whole.height };
  }
  return { format: "jpeg", ...(await shrunkJpeg(bytes, { maxPixels, leastPixels })) };
}

/**
 * Size of a JPEG, upright, by its header. A file that was cut off, or whose header says what cannot be read, is refused as
 * `decodePicture` would; of the scans nothing is decoded.
 * @throws CytoError IMAGE_UNREADABLE, IMAGE_TOO_LARGE
 */
export async function readJpegSize(
  bytes: Uint8Array,
  limits: PictureLimits = {},
): Promise<{ readonly width: number; readonly height: number }> {
  if (!isWholeJpeg(bytes)) throw unreadable("ends before its image does", undefined);
  return uprightSize(await metadataOf(bytes, limits.maxPixels ?? defaultMaxPixels));
}

/** From orientation 5 on, a picture lies on its side. */
const uprightSize = ({ width, height, orientation = 1 }: Metadata): { width: number; height: number } =>
  orientation >= 5 ? { width: height, height: width } : { width, height };

async function shrunkJpeg(
  bytes: Uint8Array,
  { maxPixels, leastPixels }: { readonly maxPixels: number; readonly leastPixels: number },
): Promise<Picture & { fullWidth: number; fullHeight: number }> {
  const { width: fullWidth, height: fullHeight } = uprightSize(await metadataOf(bytes, maxPixels));
  const shrink = jpegShrinks.find((factor) => fullWidth * fullHeight >= leastPixels * factor * factor) ?? 1;
  const size = { width: Math.ceil(fullWidth / shrink), height: Math.ceil(fullHeight / shrink) };
  const picture = await decodeChecked(bytes, undefined, shrink > 1 ? size : undefined);
  return { ...picture, fullWidth, fullHeight };
}

async function metadataOf(input: Uint8Array | string, maxPixels: number): Promise<Metadata> {
  const name = typeof input === "string" ? input : undefined;
  try {
    const metadata = await sharp(input, { failOn: "error", limitInputPixels: false }).metadata();
    checkHeader(metadata, maxPixels, name);
    return metadata;
  } catch (error) {
    throw asUnreadable(error, name);
  }
}

function inspectBytes(bytes: Uint8Array): { format: PictureFormat; bytes: Uint8Array } {
  const format = sniffFormat(bytes.subarray(0, sniffBytes));
  if (format === undefined) throw unknownFormat(bytes.length, undefined);
  return { format, bytes };
}

/** Looks at the beginning of a file; the whole of it is read here only for the format that libvips does not know. */
async function inspectFile(
  path: string,
  maxPixels: number,
): Promise<{ format: PictureFormat; bytes: Uint8Array | undefined }> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, "r");
    const stats = await file.stat();
    if (!stats.isFile()) throw unreadable("is not a file", path);
    const head = new Uint8Array(sniffBytes);
    const { bytesRead } = await file.read(head, 0, sniffBytes, 0);
    const format = sniffFormat(head.subarray(0, bytesRead));
    if (format === undefined) throw unknownFormat(stats.size, path);
    if (format !== "bmp") return { format, bytes: undefined };
    if (stats.size > maxPixels * 4 + 65_536) throw tooLarge({ bytes: stats.size, maxPixels }, path);
    return { format, bytes: await file.readFile() };
  } catch (error) {
    if (error instanceof CytoError) throw error;
    throw unreadable(`cannot be read (${error instanceof Error ? error.message : String(error)})`, path, error);
  } finally {
    await file?.close();
  }
}

async function decodeBySharp(input: Uint8Array | string, maxPixels: number): Promise<Picture> {
  await metadataOf(input, maxPixels);
  return decodeChecked(input, typeof input === "string" ? input : undefined);
}

/** Of a picture whose header was looked at. */
async function decodeChecked(
  input: Uint8Array | string,
  name: string | undefined,
  size?: { readonly width: number; readonly height: number },
): Promise<Picture> {
  try {
    const upright = sharp(input, { failOn: "error", limitInputPixels: false, sequentialRead: true }).autoOrient();
    if (size !== undefined) upright.resize({ ...size, fit: "fill", fastShrinkOnLoad: true });
    // Copied, so that the pixels can be transferred. sharp's own `toUint8Array` saves the copy, but never frees its memory (0.35.5).
    const { data, info } = await upright
      .flatten({ background: "#ffffff" })
      .toColourspace("srgb")
      .timeout({ seconds: decodeTimeoutSeconds })
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) throw unreadable(`has ${info.channels} channels after conversion`, name);
    return { width: info.width, height: info.height, pixels: new Uint8Array(data) };
  } catch (error) {
    throw asUnreadable(error, name);
  }
}

function asUnreadable(error: unknown, name: string | undefined): CytoError {
  if (error instanceof CytoError) return error;
  const why = error instanceof Error ? error.message.split("\n")[0] : String(error);
  return unreadable(`cannot be decoded (${why})`, name, error);
}

function checkHeader({ width, height, depth }: Metadata, maxPixels: number, name: string | undefined): void {
  if (width * height > maxPixels) throw tooLarge({ width, height, maxPixels }, name);
  // Without a stated range there is no right way to show such samples, and clipping them would make a black field.
  if (depth !== "uchar" && depth !== "ushort") throw unreadable(`has samples of type ${depth}`, name);
}

function named<T>(name: string | undefined, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof CytoError) || name === undefined) throw error;
    throw new CytoError(error.code, `${name}: ${error.message}`, {
      cause: error,
      context: { ...error.context, path: name },
    });
  }
}

const contextOf = (path: string | undefined): Record<string, unknown> => (path === undefined ? {} : { path });

function unreadable(why: string, path: string | undefined, cause?: unknown): CytoError {
  return new CytoError("IMAGE_UNREADABLE", `${path ?? "The picture"} ${why}.`, { cause, context: contextOf(path) });
}

function unknownFormat(size: number, path: string | undefined): CytoError {
  return unreadable(size === 0 ? "is empty" : "is neither JPEG, PNG, TIFF nor BMP", path);
}

function tooLarge(facts: Readonly<Record<string, number>>, path: string | undefined): CytoError {
  const size = facts.width === undefined ? `${facts.bytes} bytes` : `${facts.width} x ${facts.height} pixels`;
  return new CytoError("IMAGE_TOO_LARGE", `${path ?? "The picture"} has ${size}, over the limit.`, {
    context: { ...facts, ...contextOf(path) },
  });
}
