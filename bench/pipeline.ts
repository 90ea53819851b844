import { availableParallelism } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { BareLoop, prepareFields } from "./bareLoop.js";
import type { Arrival } from "./clientWorker.js";
import { DaemonUnderTest, type Stage, stageMeans } from "./daemonUnderTest.js";
import { type ReelPicture, reel } from "./drivers/cameras/memory/reel.js";
import { type BenchContext, type BenchResult, columns, type Figure } from "./figures.js";
import { benchModels } from "./models.js";
import { paintedPictures, realPictures } from "./pictures.js";
import { median } from "./statistics.js";

/** Frames per second through the daemon against the bare networks, phase by phase in turn. */
export interface PipelineSpeed {
  readonly pipelineRatio: number;
  readonly ratios: readonly number[];
  readonly daemonPerSecond: number;
  readonly barePerSecond: number;
  /** Mean milliseconds a field inside the daemon. */
  readonly daemonMs: Readonly<Record<Stage, number>>;
  readonly bareMs: number;
  readonly workers: number;
  /** Of onnxruntime in each worker. */
  readonly threads: number;
  readonly loops: number;
}

export interface PipelineSetup {
  readonly pictures: readonly ReelPicture[];
  readonly context: BenchContext;
  readonly workers: number;
  /** Bare loops at once, sharing all cores; as many as workers unless given. */
  readonly loops?: number;
  readonly rounds: number;
  readonly phaseMs: number;
}

/** First frames of a phase: the daemon is not yet in step. */
const unsteady = 4;
/** Time for what is under way to come out, and for idle threads of onnxruntime to stop spinning. */
const settleMs = 120;

/** A phase has at least so many fields, also on a slow machine, and is never so long that the camera seems dead. */
const leastFields = 24;
const longestPhaseMs = 2500;

/** How long a phase must be where a field takes a time. */
export const phaseFor = (phaseMs: number, fieldMs: number): number =>
  Math.max(phaseMs, Math.min(longestPhaseMs, leastFields * fieldMs));

/** By sequence, so that messages which newer ones replaced count too. */
export const arrivalsPerSecond = (arrivals: readonly Arrival[]): number => {
  const steady = arrivals.slice(unsteady);
  const [first, last] = [steady[0], steady.at(-1)];
  if (!first || !last || last === first) return Number.NaN;
  return (1000 * (last.sequence - first.sequence)) / (last.receivedAtMs - first.receivedAtMs);
};

/** Frames at half the rate of a camera that the daemon can just follow on two cores such as ours: none waits for another, ms. */
export const easyIntervalMs = 110;

/** One phase of the daemon: lets the camera run for a time and gives what came to the client. */
export const daemonPhase = async (daemon: DaemonUnderTest, phaseMs: number): Promise<readonly Arrival[]> => {
  reel.start();
  await delay(phaseMs);
  reel.stop();
  await delay(settleMs);
  return daemon.arrivals();
};

/** One loop for each worker, all at once. */
const barePhase = async (loops: readonly BareLoop[], phaseMs: number) => {
  const runs = await Promise.all(loops.map((loop) => loop.run(phaseMs)));
  await delay(settleMs);
  const perSecond = runs.reduce((sum, run) => sum + (1000 * run.fields) / run.elapsedMs, 0);
  return { perSecond, fieldMs: runs.flatMap((run) => run.fieldMs) };
};

export const measurePipeline = async (setup: PipelineSetup): Promise<PipelineSpeed> => {
  const { pictures, context, workers, rounds, loops: count = workers } = setup;
  const models = await benchModels(context.models);
  const share = (among: number): number => Math.max(1, Math.floor(availableParallelism() / among));
  const threads = share(workers);
  const fields = await prepareFields(pictures, models);
  const loops = await Promise.all(Array.from({ length: count }, () => BareLoop.open(models, fields, share(count))));
  const daemon = await DaemonUnderTest.start({ pictures, pace: "onDemand", workers, threads, models: context.models });
  try {
    await barePhase(loops, 0);
    const phaseMs = phaseFor(setup.phaseMs, median((await barePhase(loops, 0)).fieldMs));
    await daemonPhase(daemon, phaseMs);
    const before = await daemon.stageTotals();
    const [daemonRates, bareRates, fieldMs]: [number[], number[], number[]] = [[], [], []];
    for (let round = 0; round < rounds; round++) {
      daemonRates.push(arrivalsPerSecond(await daemonPhase(daemon, phaseMs)));
      const bare = await barePhase(loops, phaseMs);
      bareRates.push(bare.perSecond);
      fieldMs.push(...bare.fieldMs);
    }
    const ratios = daemonRates.map((rate, round) => rate / bareRates[round]!);
    return {
      pipelineRatio: median(ratios),
      ratios,
      daemonPerSecond: median(daemonRates),
      barePerSecond: median(bareRates),
      daemonMs: stageMeans(before, await daemon.stageTotals()),
      bareMs: fieldMs.reduce((sum, ms) => sum + ms, 0) / fieldMs.length,
      ...{ workers, threads, loops: count },
    };
  } finally {
    await daemon[Symbol.asyncDispose]();
    for (const loop of loops) await loop[Symbol.asyncDispose]();
  }
};

/** Fields of the daemon's usual source: real ones where they are, else painted ones. */
export const usualPictures = async (count: number): Promise<{ name: string; pictures: readonly ReelPicture[] }> => {
  const real = await realPictures("txl-pbc", count);
  if (real) return { name: `${real.length} real fields of txl-pbc val`, pictures: real };
  const painted = await paintedPictures(count);
  return { name: `${painted.length} fields of the virtual slide (txl-pbc is not there)`, pictures: painted };
};

export const pipelineHow = (
  name: string,
  { workers, threads, loops }: Pick<PipelineSpeed, "workers" | "threads" | "loops">,
): string =>
  `frames/s through the daemon in this process (memory camera with ${name}, decoded beforehand, as fast as they are consumed; counted by a ws client) over fields/s of bare session.run loops with the same two networks on the same prepared tensors; ${workers} worker(s) of ${threads} thread(s), all cores shared among ${loops} loop(s); phases in turn, median of the ratios`;

interface Variant {
  readonly name: string;
  readonly source: string;
  readonly pictures: readonly ReelPicture[];
  readonly workers: number;
  readonly loops?: number;
}

const variantsOf = async (): Promise<Variant[]> => {
  const usual = await usualPictures(12);
  const cores = availableParallelism();
  const large = await paintedPictures(4, { fieldWidthPx: 1920, fieldHeightPx: 1200 });
  const slide = await paintedPictures(8);
  return [
    { name: "pipelineRatio", source: usual.name, pictures: usual.pictures, workers: 1 },
    ...(cores > 1
      ? [
          { name: "pipelineRatio.aWorkerACore", source: usual.name, pictures: usual.pictures, workers: cores },
          {
            name: "pipelineRatio.aWorkerACoreOverOneLoop",
            ...{ source: usual.name, pictures: usual.pictures, workers: cores, loops: 1 },
          },
        ]
      : []),
    { name: "pipelineRatio.slide", source: "8 fields of the virtual slide, 960x720", pictures: slide, workers: 1 },
    { name: "pipelineRatio.large", source: "4 fields of the virtual slide, 1920x1200", pictures: large, workers: 1 },
  ];
};

const rowOf = (name: string, speed: PipelineSpeed): string[] => [
  name,
  ...[speed.pipelineRatio, speed.daemonPerSecond, speed.barePerSecond, speed.bareMs].map((value) => value.toFixed(2)),
  ...[speed.daemonMs.preprocess, speed.daemonMs.inference, speed.daemonMs.clustering].map((ms) => ms.toFixed(2)),
  speed.daemonMs.classification.toFixed(2),
];

export const pipelineBench = async (context: BenchContext): Promise<BenchResult> => {
  const figures: Figure[] = [];
  const rows = [["", "ratio", "daemon/s", "bare/s", "bare ms", "prepare", "infer", "cluster", "name"]];
  const raw: Record<string, PipelineSpeed> = {};
  for (const { name, source, pictures, ...threads } of await variantsOf()) {
    const speed = await measurePipeline({ pictures, context, ...threads, rounds: 7, phaseMs: 1500 });
    figures.push({ name, value: speed.pipelineRatio, atLeast: 0.95, how: pipelineHow(source, speed) });
    rows.push(rowOf(name, speed));
    raw[name] = speed;
  }
  return { figures, text: [...columns(rows), "daemon's stages in mean milliseconds a field"], raw };
};
