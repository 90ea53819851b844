import { CytoError, type Frame } from "../../core/index.js";
import { luminanceThumbnail, preparePicture, shiftCandidates } from "../../counting/index.js";
import { decodePicture, encodeJpeg } from "../../pictures/index.js";
import type { Jpeg, ScanSetup } from "../desk.js";

/** How alike two pictures of one place are at least: the same field with fresh noise has 0.99, another field at most 0.45 (docs/scans.md). */
const leastSimilarity = 0.5;
/** Grey levels of detail below which a picture does not tell one slide from another. */
const leastContrast = 4;
const thumbnailPx = 128;

const other = (message: string): CytoError => new CytoError("SCAN_OTHER_SLIDE", message);

/** Share by which the scale of one objective differs from calibration to calibration. */
const sameScale = 0.01;

/** @throws CytoError SCAN_OTHER_SLIDE naming what is not as it was when the scan was begun */
export const checkSetup = (begun: ScanSetup, now: ScanSetup): void => {
  for (const key of ["camera", "stage", "objective", "fieldWidthPx", "fieldHeightPx", "simulated"] as const) {
    if (begun[key] !== now[key])
      throw other(`${key} was ${begun[key]} when the scan was begun, and is ${now[key]}; nothing was moved`);
  }
  if (Math.abs(now.umPerPixel / begun.umPerPixel - 1) > sameScale)
    throw other(`a pixel was ${begun.umPerPixel} um when the scan was begun, and is ${now.umPerPixel} um`);
};

/** A picture, small enough to be registered, and as the kept one is: through the same JPEG. */
const prepared = async (jpeg: Jpeg) => {
  const thumbnail = luminanceThumbnail(await decodePicture(jpeg), thumbnailPx);
  return thumbnail === undefined ? undefined : preparePicture(thumbnail);
};

/** Whether a kept picture shows enough for another slide to be told by it. */
export const isTelling = async (kept: Jpeg): Promise<boolean> =>
  ((await prepared(kept))?.contrast ?? 0) >= leastContrast;

export interface SlideCheck {
  readonly kept: Jpeg;
  /** Of the same place, taken now; its pixels are not kept. */
  readonly frame: Frame;
  readonly pictures: { readonly quality: number; readonly maxSidePx: number };
  readonly umPerPixel: number;
  /** How far the place may have moved meanwhile, um. */
  readonly toleranceUm: number;
}

/**
 * Whether a frame shows the slide of a kept picture, by registration.
 * @throws CytoError SCAN_OTHER_SLIDE where it shows something else, or the slide has moved
 */
export const checkSlide = async ({ kept, frame, pictures, ...rest }: SlideCheck): Promise<void> => {
  const { quality, maxSidePx: maxSide } = pictures;
  const [before, now] = await Promise.all([
    prepared(kept),
    encodeJpeg(frame, { quality, maxSide }).then((jpeg) => prepared(jpeg)),
  ]);
  if (before === undefined || now === undefined) throw other("a picture of the last field cannot be read");
  const shift = shiftCandidates(before, now, { minOverlap: 0.5, wanted: 1 })[0];
  const similarity = shift?.similarity ?? 0;
  if (shift === undefined || similarity < leastSimilarity)
    throw other(`the last field looks different now (likeness ${similarity.toFixed(2)}, at least ${leastSimilarity})`);
  const umPerThumbnailPx = (frame.width * rest.umPerPixel) / before.thumbnail.width;
  const movedUm = Math.hypot(shift.dx, shift.dy) * umPerThumbnailPx;
  if (movedUm > rest.toleranceUm + 2 * umPerThumbnailPx)
    throw other(`the slide lies ${movedUm.toFixed(1)} um from where it lay; home the stage, or put the slide back`);
};
