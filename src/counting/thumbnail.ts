import type { Frame } from "../core/index.js";

/** A field's luminance, small: enough to tell by how much two fields are apart. */
export interface Thumbnail {
  readonly width: number;
  readonly height: number;
  /** Row by row, 0 to 255. It covers the whole field, so a thumbnail pixel is field width / width wide. */
  readonly luminance: Float32Array<ArrayBuffer>;
}

/** Samples a side that are averaged for a thumbnail pixel; more cost time and bring nothing. */
const samplesPerSide = 3;

/** The pixels along a side that are averaged for each pixel of the thumbnail, evenly spread over what it covers. */
const samplesOf = (fullLength: number, length: number): { perPixel: number; at: Int32Array } => {
  const perPixel = Math.min(samplesPerSide, Math.max(1, Math.floor(fullLength / length)));
  const count = perPixel * length;
  const at = Int32Array.from({ length: count }, (_, index) => Math.floor(((index + 0.5) * fullLength) / count));
  return { perPixel, at };
};

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
  const across = samplesOf(fullWidth, width);
  const down = samplesOf(fullHeight, height);
  const luminance = new Float32Array(width * height);
  const scale = 1 / (across.perPixel * down.perPixel);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let red = 0;
      let green = 0;
      let blue = 0;
      for (let sy = y * down.perPixel; sy < (y + 1) * down.perPixel; sy++) {
        const row = down.at[sy]! * fullWidth;
        for (let sx = x * across.perPixel; sx < (x + 1) * across.perPixel; sx++) {
          const at = 3 * (row + across.at[sx]!);
          red += pixels[at]!;
          green += pixels[at + 1]!;
          blue += pixels[at + 2]!;
        }
      }
      luminance[y * width + x] = (0.2126 * red + 0.7152 * green + 0.0722 * blue) * scale;
    }
  }
  return { width, height, luminance };
};
