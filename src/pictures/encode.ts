import sharp, { type Sharp } from "sharp";
import { CytoError } from "../core/index.js";
import type { Picture } from "./picture.js";

export interface EncodeOptions {
  /** Shrunk, never enlarged, to fit into a square of this side, px. */
  readonly maxSide?: number;
}

export interface JpegOptions extends EncodeOptions {
  /** 1 to 100; default 80. */
  readonly quality?: number;
  /** Colour as finely as brightness; else at half of its resolution. */
  readonly fullColour?: boolean;
}

/**
 * A picture as JPEG.
 * @throws CytoError FRAME_INVALID where the pixels do not fit the size
 */
export async function encodeJpeg(picture: Picture, options: JpegOptions = {}): Promise<Uint8Array> {
  const { quality = 80, fullColour = false } = options;
  return finish(raw(picture, options).jpeg({ quality, chromaSubsampling: fullColour ? "4:4:4" : "4:2:0" }));
}

/**
 * A picture as PNG.
 * @throws CytoError FRAME_INVALID where the pixels do not fit the size
 */
export async function encodePng(picture: Picture, options: EncodeOptions = {}): Promise<Uint8Array> {
  return finish(raw(picture, options).png());
}

function raw({ width, height, pixels }: Picture, { maxSide }: EncodeOptions): Sharp {
  if (!(width > 0 && height > 0) || pixels.length !== width * height * 3) {
    throw new CytoError("FRAME_INVALID", `${pixels.length} bytes are no picture of ${width} x ${height}.`);
  }
  const image = sharp(pixels, { raw: { width, height, channels: 3 }, limitInputPixels: false });
  if (maxSide === undefined || Math.max(width, height) <= maxSide) return image;
  return image.resize({ width: maxSide, height: maxSide, fit: "inside" });
}

async function finish(image: Sharp): Promise<Uint8Array> {
  try {
    return await image.toBuffer();
  } catch (error) {
    throw CytoError.from(error, "FRAME_INVALID");
  }
}
