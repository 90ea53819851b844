import { densityClasses } from "../../core/index.js";
import { densityStride } from "../../networks/index.js";
import { loadDetectorModel, type ManifestDraft, writeModel } from "../../registry/index.js";
import type { TrainingFields } from "../fields.js";
import { cardOf, renderCard, trainingOf } from "../modelCard.js";
import { type ChosenThresholds, chooseThresholds, findCandidates, scoreAt } from "./chooseThresholds.js";
import type { DetectorSettings, DetectorTraining } from "./settings.js";

export interface PublishedDetector {
  readonly directory: string;
  readonly onnxBytes: Uint8Array;
  /** The network in 8 bits; kept only where it costs next to no accuracy. */
  readonly int8Bytes: Uint8Array;
  readonly request: DetectorTraining;
  readonly fields: TrainingFields;
  readonly settings: DetectorSettings;
  /** What trained the weights it started from. */
  readonly commandBefore?: string | undefined;
  readonly steps: number;
  readonly seconds: number;
}

/** Diameter of a red cell in the network's field, px, and in nature, um. */
const referenceRedCellPx = 32;
const redCellUm = 7.5;
const fallbackThreshold = 0.4;
/** IoU from which the weaker of two overlapping findings is dropped: see findings on suppression in docs/models.md. */
const suppression = { nmsWithinClass: 0.65, nmsAcrossClasses: 0.9 };

/** Points of P (raw, pooled) that 8 bits may cost; where they cost more, the model is shipped without them. */
const int8Allowance = 0.3;

/**
 * Writes the model folder with thresholds chosen on the validation fields; where there are none, with thresholds that
 * the card calls unchosen, and without the network in 8 bits, whose cost is not known then.
 */
export const publishDetector = async (published: PublishedDetector): Promise<Readonly<Record<string, number>>> => {
  const { directory, onnxBytes, int8Bytes, request, fields } = published;
  const unchosen: ChosenThresholds = {
    thresholds: { erythrocyte: fallbackThreshold, leukocyte: fallbackThreshold, platelet: fallbackThreshold },
    figures: {},
  };
  const write = (chosen: ChosenThresholds, variant: { readonly int8Bytes?: Uint8Array }) =>
    writeModel(directory, draft(published, chosen), { onnxBytes, ...variant, card: card(published, chosen) });
  const trying = fields.validation.length > 0;
  await write(unchosen, trying ? { int8Bytes } : {});
  if (!trying) return {};
  request.listener.stage("choosing thresholds on the validation fields");
  const chosen = chooseThresholds(await findCandidates(await loadDetectorModel(directory), fields.validation));
  request.listener.stage("measuring what 8 bits cost");
  const eightBit = await loadDetectorModel(directory, { precision: "int8" });
  const int8 = scoreAt(await findCandidates(eightBit, fields.validation), chosen.thresholds);
  const cost = (chosen.figures["raw.P"] ?? 0) - (int8["raw.P"] ?? 0);
  const figures = { ...chosen.figures, "int8.raw.P": int8["raw.P"] ?? 0, "int8.fair.P": int8["fair.P"] ?? 0 };
  await write({ ...chosen, figures }, cost <= int8Allowance ? { int8Bytes } : {});
  return figures;
};

const draft = (published: PublishedDetector, chosen: ChosenThresholds): ManifestDraft => {
  const { request } = published;
  return {
    kind: "detector",
    name: "unet",
    version: request.version,
    classes: [...densityClasses],
    umPerPixel: redCellUm / referenceRedCellPx,
    stride: densityStride,
    inputs: [{ name: "field", type: "uint8", shape: [1, "height", "width", 4] }],
    outputs: [
      { name: "density", type: "float32", shape: [1, densityClasses.length, "height/2", "width/2"] },
      { name: "extent", type: "float32", shape: [1, 4 * densityClasses.length, "height/2", "width/2"] },
    ],
    detector: { thresholds: chosen.thresholds, ...suppression, referenceRedCellPx },
    training: trainingOf(published),
    figures: chosen.figures,
  };
};

const card = (published: PublishedDetector, chosen: ChosenThresholds): string => {
  const { request, fields, settings } = published;
  const chosenOn =
    fields.validation.length > 0
      ? `Thresholds were chosen on the same ${fields.validation.length} validation fields that the figures are of.`
      : "There were no validation fields: the thresholds are not chosen, and there are no figures.";
  return renderCard({
    title: `unet ${request.version}`,
    purpose: "Maps a field of a stained blood smear to densities of red cells, leukocytes and platelets, and extents.",
    ...cardOf(published),
    commandBefore: published.commandBefore,
    settings: { ...settings, shares: request.shares ?? "by number of fields", thresholds: chosen.thresholds },
    figures: [
      {
        title: "All validation fields together, scale from the labels (percent)",
        rows: [["figure", "value"], ...Object.entries(chosen.figures).map(([name, value]) => [name, String(value)])],
      },
    ],
    limits: [
      chosenOn,
      "Light microscopy of Romanowsky-type stains, 20 to 100 px across a red cell; the monolayer of the smear.",
      "Red cells that overlap by more than half may be counted as one; border slivers are found about as often as people label them.",
      "It does not tell abnormal red cells, parasites or artefacts from normal cells.",
    ],
  });
};
