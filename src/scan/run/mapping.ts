import { CytoError } from "../../core/index.js";
import type { PointUm } from "../../counting/index.js";
import type { OpticsCalibration } from "../ports.js";

/** Between the stage's own coordinates and the slide's, um. */
export interface SlideMapping {
  toSlide(stage: PointUm): PointUm;
  toStage(slide: PointUm): PointUm;
}

/** @throws CytoError CALIBRATION_FAILED for a matrix that cannot be turned round */
export const slideMapping = ({ toSlide: [a, b, c, d] }: Pick<OpticsCalibration, "toSlide">): SlideMapping => {
  const determinant = a * d - b * c;
  if (!(Math.abs(determinant) > 1e-6))
    throw new CytoError("CALIBRATION_FAILED", "the calibration maps the stage's plane onto a line");
  return {
    toSlide: ({ x, y }) => ({ x: a * x + b * y, y: c * x + d * y }),
    toStage: ({ x, y }) => ({ x: (d * x - b * y) / determinant, y: (a * y - c * x) / determinant }),
  };
};

/** Without a calibration the slide's coordinates are the stage's. */
export const uncalibrated: SlideMapping = { toSlide: ({ x, y }) => ({ x, y }), toStage: ({ x, y }) => ({ x, y }) };
