import { cellClasses } from "../../core/index.js";
import { serialise } from "../../engine/onnx/index.js";
import {
  type GeneratorOptions,
  generatorInference,
  paintingMultiple,
  stainNumbers,
  type Weights,
} from "../../networks/index.js";
import { type ModelManifest, type PainterManifest, writeModel } from "../../registry/index.js";
import { redCellDiameterUm } from "../datasets/index.js";
import { type MaskSources, maskSourcesJson } from "./maskSources.js";
import type { PainterKind } from "./settings.js";

/** Diameter of a red cell on painted pictures, px: that of the detector's fields. */
export const paintedRedCellPx = 32;

export interface PainterModel {
  readonly method: PainterKind;
  readonly version: string;
  readonly weights: Weights;
  readonly generator: GeneratorOptions;
  readonly sources: MaskSources;
  readonly training: PainterManifest["training"];
  readonly figures: PainterManifest["figures"];
  readonly card: string;
}

/**
 * Writes a painter's model folder: the generator as an inference network for pictures of any size, and what masks are
 * drawn from.
 * @throws CytoError as writeModel
 */
export const writePainter = (directory: string, model: PainterModel): Promise<ModelManifest> => {
  const { maskPlanes, noisePlanes } = model.generator;
  const planes = (name: string, count: number) => ({
    name,
    type: "float32",
    shape: ["fields", count, "height", "width"],
  });
  return writeModel(
    directory,
    {
      kind: "painter",
      name: model.method,
      version: model.version,
      classes: [...cellClasses],
      umPerPixel: redCellDiameterUm / paintedRedCellPx,
      inputs: [
        planes("masks", maskPlanes),
        { name: "stain", type: "float32", shape: ["fields", stainNumbers] },
        ...(noisePlanes > 0 ? [planes("noise", noisePlanes)] : []),
      ],
      outputs: [planes("picture", 3)],
      painter: { method: model.method, noisePlanes, multiple: paintingMultiple, redCellPx: paintedRedCellPx },
      training: model.training,
      figures: model.figures,
    },
    {
      onnxBytes: serialise(generatorInference(model.weights, model.generator)),
      masksJson: maskSourcesJson(model.sources),
      card: model.card,
    },
  );
};
