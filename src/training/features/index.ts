/** Features of pictures for Frechet distances: the project's own network, or an ONNX file of the user's. */
export { fitFeatures } from "./fit.js";
export { type FeaturesRequest, makeFeatures } from "./makeFeatures.js";
export { openFeatures, PatchFeatures } from "./statistics.js";
export { patchesOf, patchPx, type Tile, tilePicture, tileRedCellPx, tilesOf } from "./tiles.js";
