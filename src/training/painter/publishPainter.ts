import { CytoError } from "../../core/index.js";
import type { Weights } from "../../networks/index.js";
import type { TrainingFields } from "../fields.js";
import { collectOutlines, measureStatistics } from "../masks/index.js";
import { cardOf, renderCard, trainingOf } from "../modelCard.js";
import type { Schedule } from "../trainer/index.js";
import type { LoadedJudge } from "./judge.js";
import type { MaskedField } from "./maskedFields.js";
import type { MaskSources } from "./maskSources.js";
import type { PainterKind, PainterSettings } from "./settings.js";
import type { PainterTraining } from "./training.js";
import { writePainter } from "./writePainter.js";

export interface PublishedPainter {
  readonly directory: string;
  readonly request: PainterTraining;
  readonly settings: PainterSettings;
  readonly schedule: Schedule;
  readonly judge: LoadedJudge | undefined;
  readonly fields: TrainingFields;
  readonly masked: readonly MaskedField[];
  /** The averaged weights of the generator. */
  readonly weights: Weights;
  readonly figures: Readonly<Record<string, number>>;
  readonly commandBefore?: string | undefined;
  readonly steps: number;
  readonly seconds: number;
}

/** Outlines of a class, and stains, that a model's folder keeps at most: together a few MB. */
const outlinesPerClass = 48;
const mostStains = 96;

const purposes: Readonly<Record<PainterKind, string>> = {
  cgan: "Paints smear fields from masks and noise, taught by a discriminator alone (conditional GAN).",
  pix2pix:
    "Paints smear fields from masks, taught by a discriminator of patches and the likeness to real fields (pix2pix).",
  "pix2pix-md":
    "Paints smear fields from masks, taught by a multi-scale discriminator and the likeness to real fields.",
  mcgan:
    "Paints smear fields from masks, taught by a multi-scale discriminator, likeness, gradient similarity and the class of its leukocytes (MCGAN).",
};

/** @throws CytoError USAGE for a data set that the painter was not trained on */
export const requireTrainedOn = (names: readonly string[], fields: TrainingFields): void => {
  const known = new Set(fields.training.map(({ dataset }) => dataset));
  const stranger = names.find((name) => !known.has(name));
  if (stranger !== undefined)
    throw new CytoError("USAGE", `Masks cannot be taken from ${stranger}: it is none of ${[...known].join(", ")}`);
};

/** Statistics, outlines and stains of the training fields of some data sets; of all where none is named. */
const sourcesOf = ({ request, fields, masked }: PublishedPainter): MaskSources => {
  const names = request.masksFrom ?? [...new Set(fields.training.map(({ dataset }) => dataset))];
  const chosen = new Set(names);
  const own = masked.filter(({ field }) => chosen.has(field.dataset));
  const nucleated = own.filter(({ mask }) => mask.cells.some(({ outline }) => outline.parts.includes(2)));
  const stained = nucleated.length > 0 ? nucleated : own;
  const step = Math.max(stained.length / mostStains, 1);
  const stains = Array.from(
    { length: Math.min(stained.length, mostStains) },
    (_, index) => stained[Math.floor(index * step)]!,
  );
  return {
    data: names,
    statistics: measureStatistics(fields.training.filter(({ dataset }) => chosen.has(dataset))),
    outlines: collectOutlines(
      own.map(({ mask }) => mask),
      { seed: request.seed, perClass: outlinesPerClass },
    ),
    stains: stains.map(({ mask }) => mask.stain),
  };
};

const card = (published: PublishedPainter, sources: MaskSources): string => {
  const { request, settings, schedule, judge, figures } = published;
  const { judge: _, ...plain } = settings;
  const judgedBy = judge ? `${judge.name} ${judge.version} (${judge.sha256.slice(0, 12)})` : "none";
  return renderCard({
    title: `${request.kind} ${request.version}`,
    purpose: purposes[request.kind],
    caution:
      "What it paints is made up, for training, tests and shows. It is no smear of anybody and no evidence of anything.",
    ...cardOf(published),
    commandBefore: published.commandBefore,
    settings: {
      ...plain,
      schedule,
      shares: request.shares ?? "by the root of the number of fields",
      scales: request.scales ?? {},
      judge: judgedBy,
      masksFrom: sources.data,
    },
    figures: [
      {
        title: `Middles of held-out fields, ${settings.sidePx} px squared; flat: the mask in the field's own median colours`,
        rows: [["figure", "value"], ...Object.entries(figures).map(([name, value]) => [name, String(value)])],
      },
    ],
    limits: [
      "Its fields look like those that it saw, in stains like those that it saw; the labels are those of the mask it was given.",
      "A red cell is 32 px across; other sizes are to be had by resampling.",
      `Random masks follow ${sources.data.join(", ")}; a class that these do not name has outlines drawn by rule.`,
      "Nuclei and granules are smoother than real ones.",
    ],
  });
};

/** Writes the model folder of a painter: network, card, and what masks are drawn from. */
export const publishPainter = async (published: PublishedPainter): Promise<void> => {
  const { request, settings } = published;
  const sources = sourcesOf(published);
  await writePainter(published.directory, {
    method: request.kind,
    version: request.version,
    weights: published.weights,
    generator: settings.generator,
    sources,
    training: trainingOf(published),
    figures: { ...published.figures },
    card: card(published, sources),
  });
};
