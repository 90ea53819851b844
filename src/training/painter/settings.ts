import type { AdamOptions } from "../../engine/index.js";
import {
  type CellClassifierOptions,
  defaultMultiScaleDiscriminator,
  defaultPatchDiscriminator,
  type GeneratorOptions,
  generatorWidths,
  type MultiScaleDiscriminatorOptions,
  type PatchDiscriminatorOptions,
  type Weights,
} from "../../networks/index.js";
import { defaultGradientSimilarity, type GradientSimilarityOptions } from "../losses/gradientSimilarity.js";
import type { Schedule } from "../trainer/index.js";

/** The four painters of method.md's table 2. */
export const painterKinds = ["cgan", "pix2pix", "pix2pix-md", "mcgan"] as const;
export type PainterKind = (typeof painterKinds)[number];

/** Weights of the generator's losses; what weighs 0 is not computed. */
export interface PainterWeights {
  /** L_CGAN. Without it there is no discriminator. */
  readonly adversarial: number;
  /** L_L1: lambda1 of method.md. */
  readonly likeness: number;
  /** L_GS: lambda2 of method.md. */
  readonly gradientSimilarity: number;
  /** L_class, where there is a judge. */
  readonly cellClass: number;
}

export type DiscriminatorSettings =
  | ({ readonly kind: "patch" } & PatchDiscriminatorOptions)
  | ({ readonly kind: "multiScale" } & MultiScaleDiscriminatorOptions);

/** The classifier of crops that names painted leukocytes. It is frozen: its weights lie in the graph. */
export interface Judge {
  readonly weights: Weights;
  readonly network: CellClassifierOptions;
  /** Crops that it is shown in a step, at most. */
  readonly cells: number;
}

export interface PainterSettings {
  readonly batch: number;
  /** Side of the pictures, px: a multiple of 16, with the multi-scale discriminator of 64. */
  readonly sidePx: number;
  readonly generator: GeneratorOptions;
  readonly discriminator: DiscriminatorSettings;
  readonly weights: PainterWeights;
  readonly gradientSimilarity: GradientSimilarityOptions;
  /** What the discriminator is asked for on real pictures; under 1 it is smoothed. */
  readonly realLabel: number;
  readonly judge?: Judge | undefined;
  /** Of both players. */
  readonly optimiser: AdamOptions;
  /** The discriminator's learning rate against the generator's, which is that of the schedule. */
  readonly criticRatePart: number;
}

/** Generator 1e-3, of which the discriminator takes `criticRatePart`, falling to a twentieth; moving average 0.995. */
export const painterSchedule: Schedule = { learningRate: 1e-3, warmupSteps: 10, finalPart: 0.05, averageDecay: 0.995 };

const weightsByKind: Readonly<Record<PainterKind, PainterWeights>> = {
  cgan: { adversarial: 1, likeness: 0, gradientSimilarity: 0, cellClass: 0 },
  pix2pix: { adversarial: 1, likeness: 100, gradientSimilarity: 0, cellClass: 0 },
  "pix2pix-md": { adversarial: 1, likeness: 100, gradientSimilarity: 0, cellClass: 0 },
  mcgan: { adversarial: 1, likeness: 100, gradientSimilarity: 20, cellClass: 1 },
};

const patch: DiscriminatorSettings = { kind: "patch", ...defaultPatchDiscriminator };
const multiScale: DiscriminatorSettings = { kind: "multiScale", ...defaultMultiScaleDiscriminator };

/** The settings of one of the four painters, for masks of a number of planes; the CGAN has a plane of noise. */
export const painterSettings = (kind: PainterKind, maskPlanes: number, judge?: Judge): PainterSettings => ({
  batch: 4,
  sidePx: 128,
  generator: { maskPlanes, noisePlanes: kind === "cgan" ? 1 : 0, widths: generatorWidths },
  discriminator: kind === "pix2pix-md" || kind === "mcgan" ? multiScale : patch,
  weights: weightsByKind[kind],
  gradientSimilarity: defaultGradientSimilarity,
  realLabel: 1,
  judge: kind === "mcgan" ? judge : undefined,
  optimiser: { beta1: 0.5, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, clipNorm: Number.POSITIVE_INFINITY },
  criticRatePart: 0.2,
});
