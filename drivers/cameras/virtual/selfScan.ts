import { createRandom } from "../../../src/core/index.js";
import type { OpticsOptions, VirtualCameraOptions } from "./manifest.js";
import { hashPlace } from "./randomField.js";
import { coverRegion, fitIntoRegion, type ScanPath } from "./scanPath.js";
import type { PlaceUm, Slide, StagePosition } from "./slide.js";

/** A view that the self-scan asks for. */
export interface PlannedView {
  /** Where the stage really is. */
  readonly position: StagePosition;
  /** What the stage's reading is off by, um. */
  readonly readingErrorUm: PlaceUm;
}

/** The self-scan's path over the slide: the region given, or as many whole fields as the painted area holds. */
export const selfScanPath = (options: VirtualCameraOptions): ScanPath => {
  const scan = {
    fieldWidthUm: options.fieldWidthPx * options.umPerPixel,
    fieldHeightUm: options.fieldHeightPx * options.umPerPixel,
    overlap: options.overlap,
  };
  if (options.region) return coverRegion(options.region, scan);
  return fitIntoRegion({ left: 0, top: 0, width: options.slideWidthUm, height: options.slideHeightUm }, scan);
};

/** The view number `index` of the scan, with the stage's and the focus' errors; the same index gives the same view. */
export const plannedView = (
  index: number,
  scan: { readonly path: ScanPath; readonly slide: Slide; readonly options: VirtualCameraOptions },
): PlannedView => {
  const { options, path, slide } = scan;
  const random = createRandom(hashPlace(options.seed, index, 0x5ca9));
  const planned = path.at(index % path.length);
  const x = planned.x + options.jitterUm * random.normal();
  const y = planned.y + options.jitterUm * random.normal();
  return {
    position: { x, y, z: slide.focusZUm(x, y) + options.focusErrorUm * random.normal() },
    readingErrorUm: { x: options.stageErrorUm * random.normal(), y: options.stageErrorUm * random.normal() },
  };
};

/** The part of a camera's options that tells how a field is seen. */
export const opticsOf = (options: OpticsOptions): OpticsOptions => ({
  fieldWidthPx: options.fieldWidthPx,
  fieldHeightPx: options.fieldHeightPx,
  umPerPixel: options.umPerPixel,
  vignetting: options.vignetting,
  noiseLevels: options.noiseLevels,
});
