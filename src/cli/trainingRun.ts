import { CytoError } from "../core/index.js";
import { onnxruntimeEngine, type TrainingEngine } from "../engine/index.js";
import type { StepReport, TrainingListener, TrainingRequest, TrainingSummary } from "../training/index.js";
import { createProgress, type Progress, writeLossPlot } from "../training/progress/index.js";
import { lossRecorder } from "./lossRecorder.js";
import { readNames } from "./trainArguments.js";
import { executionProvidersFor, type TrainingProvider } from "./trainingProvider.js";

/** Options that every `train` command has. */
export interface CommonTrainOptions {
  readonly data: string[];
  readonly out: string;
  readonly minutes?: number;
  readonly steps?: number;
  readonly seed: number;
  readonly resume: boolean;
  readonly from?: string;
  readonly leaveOut?: string;
  readonly learningRate?: number;
  readonly json: boolean;
  readonly share?: Record<string, number>;
  readonly umPerPixel: Record<string, number>;
  readonly modelVersion: string;
  readonly threads?: number;
  readonly provider: TrainingProvider;
}

const engineOf = async ({ provider, threads }: CommonTrainOptions): Promise<TrainingEngine> =>
  onnxruntimeEngine({
    executionProviders: await executionProvidersFor(provider),
    ...(threads === undefined ? {} : { intraOpThreads: threads }),
  });

const listenerOf = (progress: Progress, record: (report: StepReport) => void): TrainingListener => ({
  loaded: (done, total) => {
    if (done === total) progress.note(`${total} fields read`, { fields: total });
  },
  step: (report) => {
    record(report);
    progress.update(report);
  },
  stage: (name) => progress.note(name),
});

/**
 * Runs a training with its progress shown, its losses recorded and its end by a signal seen to, and prints what came of it.
 * @param name of the network, as the command has it
 */
export const runTraining = async (
  name: string,
  options: CommonTrainOptions,
  { defaultMinutes, train }: TrainingCommand,
): Promise<void> => {
  const { minutes, steps } = options;
  if (minutes !== undefined && steps !== undefined) throw new CytoError("USAGE", "Give --minutes or --steps, not both");
  const leaveOut = options.leaveOut === undefined ? undefined : await readNames(options.leaveOut);
  const engine = await engineOf(options);
  const progress = createProgress({
    stream: process.stderr,
    json: options.json || !process.stderr.isTTY,
    label: name,
  });
  const recorder = await lossRecorder(options.out, options.resume);
  const interrupt = new AbortController();
  const onSignal = () => interrupt.abort();
  process.once("SIGINT", onSignal).once("SIGTERM", onSignal);
  const request: TrainingRequest = {
    datasets: options.data,
    scales: options.umPerPixel,
    out: options.out,
    duration: steps === undefined ? { minutes: minutes ?? defaultMinutes } : { steps },
    seed: options.seed,
    resume: options.resume,
    ...(options.from === undefined ? {} : { from: options.from }),
    ...(leaveOut === undefined ? {} : { leaveOut }),
    ...(options.learningRate === undefined ? {} : { learningRate: options.learningRate }),
    version: options.modelVersion,
    command: `cytostream ${process.argv.slice(2).join(" ")}`,
    listener: listenerOf(progress, recorder.record),
    signal: interrupt.signal,
    engine,
  };
  const finish = async (): Promise<void> => {
    process.removeListener("SIGINT", onSignal).removeListener("SIGTERM", onSignal);
    progress.end();
    await recorder.close();
    await writeLossPlot(`${options.out}/losses.png`, recorder.series(), { title: `train ${name}` });
  };
  const summary = await train(request).finally(finish);
  print(summary, options.json);
  if (!summary.finished) process.exitCode = interrupted;
};

export interface TrainingCommand {
  readonly defaultMinutes: number;
  readonly train: (request: TrainingRequest) => Promise<TrainingSummary>;
}

const print = (summary: TrainingSummary, json: boolean): void => {
  if (json) process.stdout.write(`${JSON.stringify(summary)}\n`);
  else {
    const state = summary.finished ? `finished; model in ${summary.model}` : "stopped; go on with --resume";
    process.stdout.write(`${summary.steps} steps in ${summary.seconds.toFixed(0)} s, ${state}\n`);
    for (const [name, value] of Object.entries(summary.figures)) process.stdout.write(`  ${name}  ${String(value)}\n`);
  }
};

const interrupted = 130;
