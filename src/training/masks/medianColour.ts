import type { Colour } from "../../pictures/index.js";

/** Median of each channel over chosen pixels of an interleaved RGB picture; undefined where fewer than `least` are chosen. */
export const medianColour = (pixels: Uint8Array, chosen: (pixel: number) => boolean, least = 1): Colour | undefined => {
  const histograms = [new Uint32Array(256), new Uint32Array(256), new Uint32Array(256)] as const;
  let count = 0;
  for (let pixel = 0, at = 0; at < pixels.length; pixel++, at += 3) {
    if (!chosen(pixel)) continue;
    count++;
    for (let channel = 0; channel < 3; channel++) {
      const histogram = histograms[channel]!;
      histogram[pixels[at + channel]!] = histogram[pixels[at + channel]!]! + 1;
    }
  }
  if (count < least) return undefined;
  const median = (histogram: Uint32Array): number => {
    let seen = 0;
    return histogram.findIndex((number) => {
      seen += number;
      return 2 * seen >= count;
    });
  };
  return { red: median(histograms[0]), green: median(histograms[1]), blue: median(histograms[2]) };
};
