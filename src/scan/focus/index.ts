export { type AutofocusOptions, autofocus } from "./autofocus.js";
export { createFocusControl, type FocusControlOptions, mapPlaces } from "./focusControl.js";
export { type FocusMap, type FocusPoint, focusMapThrough } from "./map.js";
export {
  type FocusRange,
  type FocusSample,
  type FocusStep,
  mostFocusFrames,
  nextFocusStep,
  vertexOf,
} from "./search.js";
export { sharpnessOf } from "./sharpness.js";
