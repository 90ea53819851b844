import type { Frame } from "../core/index.js";

/** A field's luminance, small: enough to tell by how much two fields are apart. */
export interface Thumbnail {
  readonly width: number;
  readonly height: number;
  /** Row by row, 0 to 255. It covers the whole field, so a thumbnail pixel is field width / width wide. */
  readonly luminance: Float32Array<ArrayBuffer>;
}

/** Samples a side that are averaged for a thumbnail pixel; more cost time and bring nothing. */
const samplesPerSide = 4;

/**
 * The luminance (Rec. 709 weights on the sRGB bytes) of a frame, its longer side at most `longestSidePx`.
 * @returns undefined when the pixels are not there, as after the frame was handed on
 */
export const luminanceThumbnail = (
  frame: Pick<Frame, "width" | "height" | "pixels">,
  longestSidePx = 128,
): Thumbnail | undefined => {
  const { width: fullWidth, height: fullHeight, pixels } = frame;
  if (fullWidth < 1 || fullHeight < 1 || pixels.length !== fullWidth * fullHeight * 3) return undefined;
  const factor = Math.max(1, Math.max(fullWidth, fullHeight) / longestSidePx);
  const width = Math.max(1, Math.round(fullWidth / factor));
  const height = Math.max(1, Math.round(fullHeight / factor));
  const luminance = new Float32Array(width * height);
  const samplesX = Math.min(samplesPerSide, Math.max(1, Math.floor(fullWidth / width)));
  const samplesY = Math.min(samplesPerSide, Math.max(1, Math.floor(fullHeight / height)));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (let sy = 0; sy < samplesY; sy++) {
        const row = Math.floor(((y + (sy + 0.5) / samplesY) * fullHeight) / height) * fullWidth;
        for (let sx = 0; sx < samplesX; sx++) {
          const at = (row + Math.floor(((x + (sx + 0.5) / samplesX) * fullWidth) / width)) * 3;
          sum += 0.2126 * pixels[at]! + 0.7152 * pixels[at + 1]! + 0.0722 * pixels[at + 2]!;
        }
      }
      luminance[y * width + x] = sum / (samplesX * samplesY);
    }
  }
  return { width, height, luminance };
};
