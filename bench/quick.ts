import type { BenchContext, Figure } from "./figures.js";
import { NotHere } from "./figures.js";
import { latencyFigures, measureLatency } from "./latency.js";
import { type MachineFacts, machineFacts } from "./machine.js";
import { benchModels, modelNames } from "./models.js";
import { measurePipeline, pipelineHow, usualPictures } from "./pipeline.js";
import { trainingBench } from "./trainingBench.js";

const names = ["pipelineRatio", "latencyRatio", "clusteringShare", "loopLagP99Ms", "trainingPeakShare"] as const;
type QuickName = (typeof names)[number];

/** What `npm run bench -- --quick --json` prints: each figure (null where it could not be had), and how it was measured. */
export interface QuickReport extends Readonly<Record<QuickName, number | null>> {
  readonly how: Readonly<Record<QuickName, string>>;
  readonly raw: unknown;
  readonly models: string;
  readonly machine: MachineFacts;
  readonly seconds: number;
}

export interface QuickOptions {
  /** How many rounds of phases, and how long a phase is. */
  readonly rounds: number;
  readonly phaseMs: number;
  readonly trainingRounds: number;
}

const quickOptions: QuickOptions = { rounds: 6, phaseMs: 900, trainingRounds: 5 };

export const quickReport = async (
  context: BenchContext,
  { rounds, phaseMs, trainingRounds }: QuickOptions = quickOptions,
): Promise<QuickReport> => {
  const startMs = performance.now();
  const machine = machineFacts();
  const models = await benchModels(context.models);
  const { name, pictures } = await usualPictures(12);
  const pipeline = await measurePipeline({ pictures, context, workers: 1, rounds, phaseMs });
  const latency = await measureLatency({ pictures, context, rounds: Math.ceil(rounds / 2), phaseMs });
  const training = await trainingBench({ rounds: trainingRounds, pytorch: false });
  const found: readonly Figure[] = [
    { name: "pipelineRatio", value: pipeline.pipelineRatio, how: pipelineHow(name, pipeline) },
    ...latencyFigures(latency, name),
    ...training.figures,
  ];
  const figureOf = (wanted: QuickName): Figure => {
    const figure = found.find((each) => each.name === wanted);
    if (!figure) throw new NotHere(`${wanted} was not measured`);
    return figure;
  };
  const table = <Value>(take: (figure: Figure) => Value) =>
    Object.fromEntries(names.map((wanted) => [wanted, take(figureOf(wanted))])) as Record<QuickName, Value>;
  return {
    ...table(({ value }) => value ?? null),
    how: table(({ how }) => how),
    raw: { pipeline, latency, training: training.raw },
    models: modelNames(models),
    machine,
    seconds: (performance.now() - startMs) / 1000,
  };
};
