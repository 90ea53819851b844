import { appendFile, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CytoError, createRandom } from "../../core/index.js";
import type { ParameterState } from "../../engine/index.js";
import { weightsOf } from "../../networks/index.js";
import { encodePng } from "../../pictures/index.js";
import { evenlySpaced } from "../evenlySpaced.js";
import { readTrainingFields, type TrainingFields } from "../fields.js";
import { limitsOf, pacingOf, type TrainingSummary } from "../listener.js";
import { drawnPlaneCount } from "../masks/index.js";
import { checkpointPath, findCheckpoint, fingerprintOf, train } from "../trainer/index.js";
import { commandBefore, warmStart } from "../warmStart.js";
import { contactSheet } from "./contactSheet.js";
import { flatLikeness, type HeldOutCrop, heldOutCrops, type Likeness, likenessOf, paintCrops } from "./heldOut.js";
import { type LoadedJudge, loadJudge } from "./judge.js";
import { loadMaskedFields, type MaskedField } from "./maskedFields.js";
import { requireMemory, trainingBytes } from "./memory.js";
import { createPaintingSampler, isLargeEnough } from "./paintingBatches.js";
import { type PainterProblems, painterName, painterProblems } from "./problem.js";
import { publishPainter, requireTrainedOn } from "./publishPainter.js";
import { type PainterSettings, painterSchedule, painterSettings } from "./settings.js";
import { CollapseWatch, PainterSource } from "./stepSource.js";
import type { PainterTraining } from "./training.js";

const showEverySteps = 250;
/** Held-out crops that are scored now and then, of which so many are shown; and at the end. */
const crops = { between: 48, shown: 16, atEnd: 240 };

const settingsOf = (request: PainterTraining, judge: LoadedJudge | undefined): PainterSettings => {
  const plain = painterSettings(request.kind, drawnPlaneCount, judge);
  return { ...plain, ...request.settings, weights: { ...plain.weights, ...request.weights } };
};

/** @throws CytoError DATASET_INVALID naming the data set that has no labels, or too small fields only */
const requireLabels = ({ summaries }: TrainingFields): void => {
  const bare = summaries.find(({ split, cells }) => split === "train" && Object.keys(cells).length === 0);
  if (bare)
    throw new CytoError(
      "DATASET_INVALID",
      `The split train of ${bare.dataset} has no labels: no mask can be made of it`,
    );
};

interface PreparedFields {
  readonly training: readonly MaskedField[];
  readonly heldOut: readonly HeldOutCrop[];
}

const prepare = async (request: PainterTraining, fields: TrainingFields, sidePx: number): Promise<PreparedFields> => {
  const { threads, listener } = request;
  const options = threads === undefined ? {} : { threads };
  const masked = await loadMaskedFields(fields.training, { ...options, onLoaded: listener.loaded });
  const training = masked.filter(({ field }) => isLargeEnough(field, sidePx));
  if (training.length === 0) {
    const { id, dataset, width, height } = masked[0]!.field;
    throw new CytoError(
      "DATASET_INVALID",
      `No field is large enough for crops of ${sidePx} px at 32 px a red cell; ${id} of ${dataset} has ${width} x ${height} px at 40`,
    );
  }
  if (training.length < masked.length)
    listener.stage(
      `${masked.length - training.length} fields are too small for crops of ${sidePx} px and were left out`,
    );
  const held = await loadMaskedFields(evenlySpaced(fields.validation, crops.atEnd), options);
  return {
    training,
    heldOut: heldOutCrops(
      held.filter(({ field }) => isLargeEnough(field, sidePx)),
      sidePx,
    ),
  };
};

const fieldsBytes = ({ training, heldOut }: PreparedFields): number =>
  training.reduce(
    (sum, { field, mask }) =>
      sum +
      field.pixels.length +
      mask.gradient.length +
      mask.cells.reduce((all, { outline }) => all + outline.parts.length + 300, 0),
    0,
  ) + heldOut.reduce((sum, { masks, real }) => sum + 4 * masks.length + 2 * real.pixels.length, 0);

/** Start values: fresh, or the averaged weights of another painter's training. */
const startOf = async (request: PainterTraining, problems: PainterProblems, source: PainterSource) => {
  const fresh = problems.initialise(createRandom(request.seed));
  if (request.from === undefined) return fresh;
  const place = source.state();
  const painter = await warmStart(request.from, problems.painter, fresh[painterName]!, {
    engine: request.engine,
    forward: problems.forward,
    nextFeeds: () => source.next().at(-1)!.feeds,
  });
  source.restore(place);
  const { critic } = problems;
  if (!critic) return { ...fresh, [painterName]: painter };
  const judged = await warmStart(request.from, critic, fresh[critic.name]!).catch(() => fresh[critic.name]!);
  return { ...fresh, [painterName]: painter, [critic.name]: judged };
};

const rounded = ({ psnr, ssim }: Likeness): Likeness => ({
  psnr: Number(psnr.toFixed(3)),
  ssim: Number(ssim.toFixed(4)),
});

/**
 * Trains a painter from nothing, from another's weights or from its checkpoint, on the splits `train` of data sets; the
 * middles of the fields of `val` are painted, scored and shown now and then (`samples/`, `heldOut.jsonl`) and at the
 * end, when the model folder is written.
 *
 * @throws CytoError DATASET_INVALID, IMAGE_UNREADABLE, MODEL_NOT_FOUND or MODEL_INVALID (judge), MEMORY_INSUFFICIENT,
 *   TRAINING_DIVERGED, CHECKPOINT_INVALID
 */
export const trainPainter = async (request: PainterTraining): Promise<TrainingSummary> => {
  const beganMs = performance.now();
  const { listener, seed, scales, from, shares, kind } = request;
  const judge = kind === "mcgan" && request.weights?.cellClass !== 0 ? await loadJudge(request.judge) : undefined;
  const settings = settingsOf(request, judge);
  const schedule = { ...painterSchedule, learningRate: request.learningRate ?? painterSchedule.learningRate };
  const problems = painterProblems(settings);
  requireMemory(trainingBytes(problems.problems, 0));
  const fields = await readTrainingFields(request.datasets, request);
  requireLabels(fields);
  requireTrainedOn(request.masksFrom ?? [], fields);
  const { judge: _, ...plainSettings } = settings;
  const identity = {
    kind,
    settings: plainSettings,
    schedule,
    judge: judge?.sha256,
    seed,
    shares,
    scales,
    from,
    leaveOut: request.leaveOut,
    data: fields.summaries,
    ...limitsOf(request.choice, undefined),
  };
  const fingerprint = fingerprintOf(identity);
  // What cannot be resumed is refused before minutes go into reading fields.
  if (request.resume) await findCheckpoint(checkpointPath(request.out), fingerprint, identity);
  const prepared = await prepare(request, fields, settings.sidePx);
  requireMemory(
    trainingBytes(problems.problems, fieldsBytes(prepared)),
    process.availableMemory() + fieldsBytes(prepared),
  );
  const sampler = createPaintingSampler({ ...settings, fields: prepared.training, seed, shares });
  const showing = new Showing(request, settings, prepared.heldOut);
  const watch = new CollapseWatch(settings.realLabel);
  await showing.begin(request.resume);
  const source = new PainterSource(sampler, problems, seed);
  await using run = await request.engine.load(problems.problems, await startOf(request, problems, source));
  const outcome = await train({
    run,
    source,
    duration: request.duration,
    schedule,
    directory: request.out,
    fingerprint,
    identity,
    engine: request.engine.name,
    resume: request.resume,
    preparationMs: performance.now() - beganMs,
    report: listener.step,
    remark: listener.stage,
    isSound: watch.isSound,
    visit: {
      everySteps: request.showEverySteps ?? showEverySteps,
      look: (states, steps) => showing.show(states[painterName]!, problems, steps),
    },
    ...pacingOf(request),
  });
  const { steps, finished } = outcome;
  const seconds = outcome.elapsedMs / 1000;
  if (!finished) return { steps, seconds, finished, figures: {} };
  const state = (await run.readState())[painterName]!;
  listener.stage("painting the held-out crops");
  const figures = await showing.finish(state, problems, steps);
  const model = join(request.out, "model");
  await publishPainter({
    directory: model,
    request,
    settings,
    schedule,
    judge,
    fields,
    masked: prepared.training,
    weights: weightsOf(problems.painter, state),
    figures,
    commandBefore: await commandBefore(from),
    steps,
    seconds,
  });
  return { steps, seconds, finished, model, figures };
};

/** Paints held-out crops and says how like they are: pictures in `samples/`, figures in `heldOut.jsonl`. */
class Showing {
  readonly #some: readonly HeldOutCrop[];

  constructor(
    private readonly request: PainterTraining,
    private readonly settings: PainterSettings,
    private readonly heldOut: readonly HeldOutCrop[],
  ) {
    this.#some = evenlySpaced(heldOut, crops.between);
  }

  async begin(resume: boolean): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    if (!resume) await rm(this.#log, { force: true });
  }

  async show(state: ParameterState, problems: PainterProblems, steps: number): Promise<void> {
    if (this.#some.length === 0) return;
    const painted = await this.#paint(this.#some, state, problems);
    const [likeness, flat] = [rounded(likenessOf(this.#some, painted)), rounded(flatLikeness(this.#some))];
    await this.#sheet(painted, this.#some, `step-${String(steps).padStart(6, "0")}`);
    await appendFile(this.#log, `${JSON.stringify({ steps, crops: this.#some.length, ...likeness, flat })}\n`);
    const text = `step ${steps}: PSNR ${likeness.psnr.toFixed(2)} dB, SSIM ${likeness.ssim.toFixed(3)}`;
    this.request.listener.stage(`${text} (flat paint ${flat.psnr.toFixed(2)}, ${flat.ssim.toFixed(3)})`);
  }

  /** Figures on all held-out crops, and by data set. */
  async finish(state: ParameterState, problems: PainterProblems, steps: number): Promise<Record<string, number>> {
    if (this.heldOut.length === 0) return {};
    const painted = await this.#paint(this.heldOut, state, problems);
    const figures: Record<string, number> = { crops: this.heldOut.length };
    const note = (name: string, chosen: (crop: HeldOutCrop) => boolean): void => {
      const indices = this.heldOut.flatMap((crop, index) => (chosen(crop) ? [index] : []));
      const own = indices.map((index) => this.heldOut[index]!);
      const likeness = rounded(
        likenessOf(
          own,
          indices.map((index) => painted[index]!),
        ),
      );
      const flat = rounded(flatLikeness(own));
      figures[`psnr${name}`] = likeness.psnr;
      figures[`ssim${name}`] = likeness.ssim;
      figures[`flat.psnr${name}`] = flat.psnr;
      figures[`flat.ssim${name}`] = flat.ssim;
    };
    note("", () => true);
    const names = [...new Set(this.heldOut.map(({ dataset }) => dataset))];
    if (names.length > 1) for (const name of names) note(`.${name}`, ({ dataset }) => dataset === name);
    const shown = evenlySpaced(
      this.heldOut.map((_, index) => index),
      crops.shown,
    );
    await this.#sheet(
      shown.map((index) => painted[index]!),
      shown.map((index) => this.heldOut[index]!),
      "final",
    );
    await appendFile(this.#log, `${JSON.stringify({ steps, final: true, ...figures })}\n`);
    return figures;
  }

  get #folder(): string {
    return join(this.request.out, "samples");
  }

  get #log(): string {
    return join(this.request.out, "heldOut.jsonl");
  }

  #paint(chosen: readonly HeldOutCrop[], state: ParameterState, { painter }: PainterProblems) {
    return paintCrops(chosen, weightsOf(painter, state), this.settings.generator, this.request.threads);
  }

  async #sheet(painted: Parameters<typeof contactSheet>[1], from: readonly HeldOutCrop[], name: string): Promise<void> {
    const indices = evenlySpaced(
      from.map((_, index) => index),
      crops.shown,
    );
    const sheet = contactSheet(
      indices.map((index) => from[index]!),
      indices.map((index) => painted[index]!),
    );
    await writeFile(join(this.#folder, `${name}.png`), await encodePng(sheet));
  }
}
