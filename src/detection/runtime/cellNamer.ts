import { type Cell, type LeukocyteClass, leukocyteClasses } from "../../core/index.js";
import { CropPreparer } from "../field/cropPreparer.js";
import type { RgbSource } from "../field/resampler.js";
import type { ClassifierSource } from "../model.js";
import type { Network } from "./network.js";

/** Crops that are named in one run. */
const batchSize = 16;

/** Names the leukocytes of a field by the second network, from their crops at full resolution. */
export class CellNamer {
  readonly #cropper = new CropPreparer();

  /**
   * The same cells, leukocytes with their probabilities and, where the network is sure enough, their class.
   * @throws CytoError DETECTION_FAILED
   */
  async name(
    cells: readonly Cell[],
    field: { picture: RgbSource; umPerPixel: number },
    network: Network<ClassifierSource>,
  ): Promise<Cell[]> {
    const named = [...cells];
    const indices = [...cells.keys()].filter((index) => cells[index]?.densityClass === "leukocyte");
    const { source } = network;
    for (let start = 0; start < indices.length; start += batchSize) {
      const batch = indices.slice(start, start + batchSize);
      const crops = this.#cropper.cut(field.picture, {
        centres: batch.map((index) => centreOf(cells[index]!)),
        side: source.cropUm / field.umPerPixel,
        cropPx: source.cropPx,
      });
      const { logits } = await network.run(crops, [batch.length, source.cropPx, source.cropPx, 3]);
      batch.forEach((index, i) => {
        const own = logits!.subarray(i * leukocyteClasses.length, (i + 1) * leukocyteClasses.length);
        named[index] = { ...cells[index]!, ...verdictOf(own, source) };
      });
    }
    return named;
  }
}

const centreOf = ({ box }: Cell): { x: number; y: number } => ({
  x: (box.left + box.right) / 2,
  y: (box.top + box.bottom) / 2,
});

/** Class and probabilities from logits: softmax at the model's temperature, `leukocyte` where it is unsure. */
export const verdictOf = (
  logits: ArrayLike<number>,
  { temperature, unsureBelow }: Pick<ClassifierSource, "temperature" | "unsureBelow">,
): Pick<Cell, "cellClass"> & Required<Pick<Cell, "leukocyteProbabilities">> => {
  const values = Array.from(logits, (logit) => (Number.isFinite(logit) ? logit : Number.NEGATIVE_INFINITY));
  const greatest = Math.max(...values);
  const weights = values.map((value) => (greatest === -Infinity ? 1 : Math.exp((value - greatest) / temperature)));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const probabilities = Object.fromEntries(leukocyteClasses.map((name, i) => [name, weights[i]! / sum])) as Record<
    LeukocyteClass,
    number
  >;
  const likeliest = leukocyteClasses.reduce((best, name) => (probabilities[name] > probabilities[best] ? name : best));
  const sure = probabilities[likeliest] >= unsureBelow;
  return { cellClass: sure ? likeliest : "leukocyte", leukocyteProbabilities: probabilities };
};
