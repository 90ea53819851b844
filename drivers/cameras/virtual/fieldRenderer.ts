import { blur, blurReachPx } from "./blur.js";
import { FieldPainter } from "./fieldPainter.js";
import type { LightPainter, PixelRect } from "./lightPainter.js";
import type { OpticsOptions, SlideOptions } from "./manifest.js";
import { blurSigmaUm, Sensor } from "./optics.js";
import { hashPlace } from "./randomField.js";
import { createSlide, fieldOriginAt, type PlaceUm, type Slide, type StagePosition, snapToPixels } from "./slide.js";

/** A field as the camera sees it. */
export interface RenderedField {
  /** Interleaved 8-bit sRGB, `width * height * 3`. */
  readonly pixels: Uint8Array<ArrayBuffer>;
  readonly width: number;
  readonly height: number;
  /** Centre of the field, on the slide's grid of pixels: at most half a pixel from what was asked for. */
  readonly positionUm: PlaceUm;
  /** Height of the objective above the plane of best focus in the middle of the field, um. */
  readonly defocusUm: number;
}

/** Seen through the microscope: a slide at any position, painted, blurred, lit and exposed. */
export class FieldRenderer {
  readonly slide: Slide;
  readonly #options: OpticsOptions;
  readonly #painter: LightPainter;
  readonly #sensor: Sensor;
  #spare: Uint16Array<ArrayBuffer> = new Uint16Array(0);

  /** @param painted the slide and who paints what is in focus on it; without it the cells are drawn */
  constructor(
    slide: SlideOptions,
    optics: OpticsOptions,
    painted?: { readonly slide: Slide; readonly painter: LightPainter },
  ) {
    this.slide = painted?.slide ?? createSlide(slide);
    this.#options = optics;
    this.#painter = painted?.painter ?? new FieldPainter(this.slide, optics.umPerPixel);
    this.#sensor = new Sensor(optics);
  }

  /** What is seen from a position, with the surroundings that its blur takes. */
  #viewFrom(position: StagePosition) {
    const { fieldWidthPx, fieldHeightPx, umPerPixel } = this.#options;
    const centre = snapToPixels(position, this.#options);
    const defocusUm = position.z - this.slide.focusZUm(centre.x, centre.y);
    const sigmaPx = blurSigmaUm(defocusUm) / umPerPixel;
    const margin = blurReachPx(sigmaPx);
    const { leftPx, topPx } = fieldOriginAt(position, this.#options);
    const rect: PixelRect = {
      leftPx: leftPx - margin,
      topPx: topPx - margin,
      width: fieldWidthPx + 2 * margin,
      height: fieldHeightPx + 2 * margin,
    };
    return { centre, defocusUm, sigmaPx, margin, leftPx, topPx, rect };
  }

  /**
   * Makes ready for `render` at a position, which may take a while where the slide is painted.
   * @param isWanted asked now and then; where it says no, the rest is left undone and the field must not be rendered
   */
  prepare(position: StagePosition, isWanted?: () => boolean): Promise<void> {
    return this.#painter.prepare(this.#viewFrom(position).rect, isWanted);
  }

  /**
   * The field centred at (x, y) with the objective at height z, um.
   *
   * @param exposure number of the exposure: its noise; equal numbers at equal positions give equal bytes
   */
  render(position: StagePosition, exposure = 0): RenderedField {
    const { fieldWidthPx, fieldHeightPx } = this.#options;
    const { centre, defocusUm, sigmaPx, margin, leftPx, topPx, rect } = this.#viewFrom(position);
    const light = this.#painter.paint(rect);
    if (this.#spare.length < light.length) this.#spare = new Uint16Array(light.length);
    blur(rect, { samples: light, spare: this.#spare }, sigmaPx);
    const noiseSeed = hashPlace(hashPlace(this.slide.options.seed, leftPx, topPx), exposure, 1);
    const samplesPerRow = 3 * rect.width;
    const firstSample = margin * samplesPerRow + 3 * margin;
    const pixels = this.#sensor.expose({ light, firstSample, samplesPerRow }, noiseSeed);
    return { pixels, width: fieldWidthPx, height: fieldHeightPx, positionUm: centre, defocusUm };
  }
}
