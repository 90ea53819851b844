import { defaultPatchDiscriminator } from "../../networks/index.js";
import type { TrainingRequest, TrainingSummary } from "../listener.js";
import { type PainterTraining, trainPainter } from "../painter/index.js";
import type { TrainedPainting } from "./units.js";

export interface PaintingOptions {
  readonly request: TrainingRequest;
  /** Folder of the classifier that judges painted leukocytes; without it nobody does. */
  readonly judge: string | undefined;
  readonly sidePx: number;
  readonly batch: number;
  readonly threads: number | undefined;
}

type Variant = Pick<PainterTraining, "kind"> & Partial<Pick<PainterTraining, "weights" | "settings">>;

/** Each painting as what it has more or less than one of the paper's four. */
const variants: Readonly<Record<TrainedPainting, Variant>> = {
  l1: { kind: "pix2pix", weights: { adversarial: 0 } },
  cgan: { kind: "cgan" },
  pix2pix: { kind: "pix2pix" },
  "pix2pix-md": { kind: "pix2pix-md" },
  // MCGAN's losses with the discriminator of pix2pix.
  "pix2pix-gs": { kind: "mcgan", settings: { discriminator: { kind: "patch", ...defaultPatchDiscriminator } } },
  mcgan: { kind: "mcgan" },
};

/** Trains one of the paintings. @throws CytoError as `trainPainter` */
export const trainPainting = (painting: TrainedPainting, options: PaintingOptions): Promise<TrainingSummary> => {
  const { request, judge, sidePx, batch, threads } = options;
  const { kind, weights = {}, settings = {} } = variants[painting];
  return trainPainter({
    ...request,
    kind,
    weights: judge === undefined ? { ...weights, cellClass: 0 } : weights,
    settings: { sidePx, batch, ...settings },
    showEverySteps: Number.MAX_SAFE_INTEGER,
    ...(judge === undefined ? {} : { judge }),
    ...(threads === undefined ? {} : { threads }),
  });
};
