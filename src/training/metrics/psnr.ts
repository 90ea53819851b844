import type { Picture } from "../../pictures/index.js";
import { checkPair, meanOverPairs, type PicturePair } from "./picturePair.js";

const peak = 255;

/**
 * Peak signal-to-noise ratio in dB, 10 log10(255^2 / MSE), the mean squared error taken over all pixels and channels;
 * 0 for black against white, Infinity for equal pictures. Symmetric.
 *
 * @throws CytoError `INTERNAL` where the pictures differ in size
 */
export const psnr = (a: Picture, b: Picture): number => {
  checkPair(a, b);
  let squares = 0;
  for (let index = 0; index < a.pixels.length; index++) {
    const difference = a.pixels[index]! - b.pixels[index]!;
    squares += difference * difference;
  }
  return squares === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10((peak * peak * a.pixels.length) / squares);
};

/** Mean of the pairs' PSNR in dB, not the PSNR of their mean error; Infinity where a pair is equal, null without pairs. */
export const meanPsnr = (pairs: Iterable<PicturePair>): number | null => meanOverPairs(pairs, psnr);
