import { loadDetectorModel, writeModel } from "../../registry/index.js";
import { type KnownScales, readTrainingFields } from "../fields.js";
import { cardOf, renderCard, trainingOf } from "../modelCard.js";
import { fitFeatures } from "./fit.js";
import { patchPx, tileRedCellPx } from "./tiles.js";

export interface FeaturesRequest {
  /** Folder of the detector whose way down is taken. */
  readonly detector: string;
  /** Folders of data sets; the fields of their training splits decide the projection, their labels only the scale. */
  readonly datasets: readonly string[];
  readonly scales?: KnownScales;
  /** Folder for the model. */
  readonly out: string;
  readonly version: string;
  /** The command line, for the card. */
  readonly command: string;
  readonly onField?: (done: number, total: number) => void;
}

const redCellUm = 7.5;

/**
 * Makes the model of features that Frechet distances are taken of, and writes its folder.
 * @returns figures of the fit
 * @throws CytoError MODEL_NOT_FOUND, MODEL_INVALID, DATASET_INVALID, IMAGE_UNREADABLE
 */
export const makeFeatures = async (request: FeaturesRequest): Promise<Readonly<Record<string, number>>> => {
  const beganMs = performance.now();
  const detector = await loadDetectorModel(request.detector);
  const fields = await readTrainingFields(request.datasets, { scales: request.scales });
  const fitted = await fitFeatures(detector.filePath, fields.training, request.onField);
  const figures = {
    fields: fitted.fields,
    patches: fitted.patches,
    keptVariance: Number(fitted.keptVariance.toFixed(4)),
  };
  const seconds = (performance.now() - beganMs) / 1000;
  const provenance = {
    request: { command: request.command, seed: 0 },
    fields: { summaries: fields.summaries.filter(({ split }) => split === "train") },
    steps: 0,
    seconds,
  };
  const { dimensions } = fitted;
  await writeModel(
    request.out,
    {
      kind: "features",
      name: "features",
      version: request.version,
      classes: [],
      umPerPixel: redCellUm / tileRedCellPx,
      inputs: [{ name: "pictures", type: "uint8", shape: ["pictures", "height", "width", 3] }],
      outputs: [{ name: "features", type: "float32", shape: ["pictures", dimensions] }],
      features: { dimensions, patchPx, redCellPx: tileRedCellPx },
      training: trainingOf(provenance),
      figures,
    },
    {
      onnxBytes: fitted.onnxBytes,
      card: renderCard({
        title: `features ${request.version}`,
        purpose: `Turns a patch of a smear (${patchPx} px, red cells ${tileRedCellPx} px across) into ${dimensions} numbers, of which Frechet distances between real and painted fields are taken.`,
        ...cardOf(provenance),
        settings: {
          "taken from": `${detector.ref.name} ${detector.ref.version}, SHA-256 ${detector.ref.sha256}`,
          statistics: "mean and deviation of each channel at the strides 2, 4, 8, 16",
          projection: `${dimensions} principal components of the standardised statistics, each of variance 1`,
        },
        figures: [
          {
            title: "The fit",
            rows: [["figure", "value"], ...Object.entries(figures).map(([name, value]) => [name, String(value)])],
          },
        ],
        limits: [
          "Distances on these features compare with one another only: not with those on Inception's or any other features.",
          "The encoder was trained to find cells: it sees what tells cells apart better than what it learnt to overlook, such as noise and tint.",
        ],
      }),
    },
  );
  return figures;
};
