import { CytoError } from "../../core/index.js";
import type { Picture } from "../../pictures/index.js";

/** Two pictures of equal size. */
export type PicturePair = readonly [Picture, Picture];

/** @throws CytoError `INTERNAL` where the sizes differ or the bytes are not those of the size */
export const checkPair = (a: Picture, b: Picture): void => {
  if (a.width !== b.width || a.height !== b.height)
    throw new CytoError(
      "INTERNAL",
      `A picture of ${a.width}x${a.height} px is compared with one of ${b.width}x${b.height} px`,
    );
  for (const { width, height, pixels } of [a, b])
    if (width < 1 || height < 1 || pixels.length !== 3 * width * height)
      throw new CytoError("INTERNAL", `A picture of ${width}x${height} px has ${pixels.length} bytes`);
};

/** Mean of a measure over pairs, which are taken one at a time; null where there are none. */
export const meanOverPairs = (
  pairs: Iterable<PicturePair>,
  measure: (a: Picture, b: Picture) => number,
): number | null => {
  let sum = 0;
  let count = 0;
  for (const [a, b] of pairs) {
    sum += measure(a, b);
    count++;
  }
  return count === 0 ? null : sum / count;
};
