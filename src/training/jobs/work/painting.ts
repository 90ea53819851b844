import { access, mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import {
  type CellClass,
  CytoError,
  densityClassOf,
  isLeukocyteClass,
  type LeukocyteClass,
  leukocyteClasses,
} from "../../../core/index.js";
import { decodePicture, encodePng } from "../../../pictures/index.js";
import { writeFileDurably } from "../../../store/index.js";
import { type LabelledField, openDataset } from "../../datasets/index.js";
import {
  drawnSource,
  type FieldSource,
  generateFields,
  loadMaskedFields,
  openPainter,
  type Painter,
  realSource,
  trainPainter,
} from "../../painter/index.js";
import type { TimeShares } from "../plan.js";
import { isDispensable, type JobContext, listenerOf } from "./context.js";
import { sampleSheet } from "./sampleSheet.js";

/** Rate of a painter that can paint already. */
const painterRate = 4e-4;

/** Trains the painter in production on the new fields; without a result where the time is too short or nothing fits. */
export const finetunePainter = async (context: JobContext, shares: TimeShares): Promise<void> => {
  const { plan, progress, engine, clock, signal, remark } = context;
  const { painter, sizes } = plan;
  if (progress.value.painter) return;
  if (!painter || plan.paintedRatio === 0) remark("No painter is trained: painting is left out.");
  else if (sizes?.painterSteps === undefined && shares.painterMs === 0)
    remark("No painter is trained: the time is too short; the painter in production paints.");
  const wanted = painter && (sizes ? (sizes.painterSteps ?? 0) > 0 : shares.painterMs > 0);
  if (!wanted) return progress.note({ painter: {}, workMs: clock.now() });
  context.at("painter", 0);
  const out = join(plan.folder, "painter");
  try {
    const summary = await trainPainter({
      kind: "mcgan",
      datasets: [plan.dataset],
      out,
      duration:
        sizes?.painterSteps === undefined ? { minutes: shares.painterMs / 60_000 } : { steps: sizes.painterSteps },
      from: painter.directory,
      seed: plan.seed,
      learningRate: painterRate,
      resume: true,
      version: plan.versions.detector,
      engine,
      command: `cytostream jobs (${plan.id})`,
      listener: listenerOf(context, { step: "painter", prefix: "painter" }),
      signal,
      pacing: clock,
      checkpointEveryMs: plan.checkpointEveryMs,
      ...(plan.threads > 0 ? { threads: plan.threads } : {}),
    });
    signal.throwIfAborted();
    await progress.note({ painter: summary.model ? { model: summary.model } : {}, workMs: clock.now() });
  } catch (error) {
    signal.throwIfAborted();
    const failure = CytoError.from(error);
    if (!isDispensable(failure)) throw failure;
    remark(`No painter is trained: ${failure.message}`);
    await progress.note({ painter: {}, workMs: clock.now() });
  }
};

const namedCells = (fields: readonly LabelledField[]): ReadonlyMap<CellClass, number> => {
  const counts = new Map<CellClass, number>();
  for (const { cells } of fields)
    for (const { cellClass } of cells) counts.set(cellClass, (counts.get(cellClass) ?? 0) + 1);
  return counts;
};

/**
 * Classes of which more is to be painted: named leukocytes with less than half of what each would have if all were alike, or,
 * where none is named, leukocytes and platelets, the rarer one.
 */
export const rareClasses = (fields: readonly LabelledField[]): readonly CellClass[] => {
  const counts = namedCells(fields);
  const named = [...counts].filter((entry): entry is [LeukocyteClass, number] => isLeukocyteClass(entry[0]));
  if (named.length > 0) {
    const even = named.reduce((sum, [, count]) => sum + count, 0) / leukocyteClasses.length;
    return leukocyteClasses.filter((name) => (counts.get(name) ?? 0) < even / 2);
  }
  const of = (wanted: CellClass): number =>
    [...counts].reduce((sum, [name, count]) => sum + (densityClassOf(name) === wanted ? count : 0), 0);
  return of("leukocyte") <= of("platelet") ? ["leukocyte"] : ["platelet"];
};

const [roundFields, mostRounds, paintedPx] = [12, 20, 256];
/** Real fields whose masks are painted anew. */
const mostMasks = 60;

interface Painters {
  readonly own: Painter;
  /** The one in production, which knows the stains of old, where it is another. */
  readonly old: Painter | undefined;
}

/** In turn: drawn masks with the rare classes, masks of the laboratory's own fields, drawn masks in the old stains. */
const sourceOf = async (round: number, { own, old }: Painters, fields: readonly LabelledField[]) => {
  const kind = round % (old ? 3 : 2);
  const rare = rareClasses(fields);
  if (kind === 2 && old) return { painter: old, source: drawnSource(old, paintedPx), about: "old stains" };
  const drawn: FieldSource = drawnSource(own, paintedPx, rare.length > 0 ? rare : undefined);
  if (kind === 0) return { painter: own, source: drawn, about: `rare: ${rare.join(", ")}` };
  const labelled = fields.filter(({ cells }) => cells.length > 0);
  const masked = await loadMaskedFields(labelled.slice(0, mostMasks));
  const masks = masked.map(({ mask }) => mask);
  try {
    const source = realSource(masks, { redCellPx: own.redCellPx, sizePx: paintedPx });
    return { painter: own, source, about: "masks of the laboratory" };
  } catch {
    return { painter: own, source: drawn, about: `rare: ${rare.join(", ")}` };
  }
};

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

const openPainters = async ({ plan, progress }: JobContext, disposal: AsyncDisposable[]): Promise<Painters> => {
  const options = plan.threads > 0 ? { threads: plan.threads } : {};
  const open = async (directory: string): Promise<Painter> => {
    const painter = await openPainter(directory, options);
    disposal.push(painter);
    return painter;
  };
  const trained = progress.value.painter?.model;
  const old = await open(plan.painter!.directory);
  return trained ? { own: await open(trained), old } : { own: old, old: undefined };
};

const paintRound = async (context: JobContext, round: number, painters: Painters, fields: readonly LabelledField[]) => {
  const { plan, signal } = context;
  const out = join(plan.folder, "painted", `painted-${String(round + 1).padStart(2, "0")}`);
  if (await isThere(join(out, "data.yaml"))) return out;
  await rm(out, { recursive: true, force: true });
  const { painter, source, about } = await sourceOf(round, painters, fields);
  const paced: FieldSource = source;
  await generateFields({
    painter,
    source: paced,
    count: Math.min(plan.sizes?.painted ?? roundFields, roundFields),
    out,
    seed: plan.seed * 1000 + round,
    about: { job: plan.id, of: about },
    signal,
  });
  signal.throwIfAborted();
  const folder = join(out, "images", "train");
  const names = (await readdir(folder)).sort().slice(0, 8);
  const pictures = await Promise.all(names.map((name) => decodePicture(join(folder, name))));
  await mkdir(join(plan.folder, "samples"), { recursive: true });
  await writeFileDurably(
    join(plan.folder, "samples", `painted-${String(round + 1).padStart(2, "0")}.png`),
    await encodePng(sampleSheet(pictures)),
  );
  return out;
};

/** Paints data sets round by round until their time is over; what was painted before stays. */
export const paintFields = async (context: JobContext, shares: TimeShares): Promise<void> => {
  const { plan, progress, clock, signal, remark, at } = context;
  if (progress.value.paint) return;
  const wanted = plan.sizes?.painted ?? roundFields * mostRounds;
  if (!plan.painter || plan.paintedRatio === 0 || wanted === 0 || shares.paintMs === 0) {
    await progress.note({ paint: { datasets: [] }, workMs: clock.now() });
    return;
  }
  at("paint", 0);
  const opened: AsyncDisposable[] = [];
  const datasets: string[] = [];
  try {
    const painters = await openPainters(context, opened);
    const fields = await (await openDataset(plan.dataset)).fields("train");
    const rounds = Math.ceil(wanted / roundFields);
    const beganMs = clock.now();
    for (let round = 0; round < rounds && (round === 0 || clock.now() - beganMs < shares.paintMs); round += 1) {
      await clock.turn();
      signal.throwIfAborted();
      datasets.push(await paintRound(context, round, painters, fields));
      at("paint", Math.max((round + 1) / rounds, (clock.now() - beganMs) / shares.paintMs));
    }
    remark(`${datasets.length} rounds of painted fields`);
  } catch (error) {
    signal.throwIfAborted();
    const failure = CytoError.from(error);
    if (!isDispensable(failure)) throw failure;
    remark(`Painting ended early: ${failure.message}`);
  } finally {
    for (const painter of opened) await painter[Symbol.asyncDispose]();
  }
  await progress.note({ paint: { datasets }, workMs: clock.now() });
};
