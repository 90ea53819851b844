import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { launchOf } from "../src/core/index.js";
import { BareLoop, prepareFields } from "./bareLoop.js";
import type { Arrival } from "./clientWorker.js";
import { DaemonUnderTest, type Stage, stageMeans } from "./daemonUnderTest.js";
import { type ReelPicture, reel } from "./drivers/cameras/memory/reel.js";
import { type BenchContext, type BenchResult, columns, type Figure } from "./figures.js";
import { benchModels } from "./models.js";
import { arrivalsPerSecond, daemonPhase, phaseFor, usualPictures } from "./pipeline.js";
import { median, quantile } from "./statistics.js";

/** A camera's rate against what the networks alone can do. */
const rates = { steady: 0.6, saturated: 4 } as const;
type Rate = keyof typeof rates;

export interface LatencyAtRate {
  /** p99 from a frame's capture to its cells at the client, over the median time of a field in the bare networks. */
  readonly latencyRatio: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly loopLagP99Ms: number;
  readonly framesPerSecond: number;
  readonly frames: number;
}

export interface LatencyFigures {
  readonly bareMs: number;
  readonly rates: Readonly<Record<Rate, LatencyAtRate>>;
  readonly clusteringShare: number;
  readonly stageMs: Readonly<Record<Stage, number>>;
}

export interface LatencySetup {
  readonly pictures: readonly ReelPicture[];
  readonly context: BenchContext;
  readonly rounds: number;
  readonly phaseMs: number;
}

const lagResolutionMs = 1;
/** Frames at the beginning of a phase, before the networks and caches are warm again. */
const unsteady = 4;

/** From capture to the client, ms, of a phase's frames but the first. */
export const latenciesOf = (arrivals: readonly Arrival[]): number[] =>
  arrivals.slice(unsteady).map(({ capturedAtMs, receivedAtMs }) => reel.epochMs + receivedAtMs - capturedAtMs);

/** Gathers phases of one rate. */
class RateTrial {
  readonly #lag = monitorEventLoopDelay({ resolution: lagResolutionMs });
  readonly #latencies: number[] = [];
  readonly #perSecond: number[] = [];

  async phase(daemon: DaemonUnderTest, setup: { intervalMs: number; phaseMs: number }): Promise<void> {
    reel.intervalMs = setup.intervalMs;
    this.#lag.enable();
    const arrivals = await daemonPhase(daemon, setup.phaseMs);
    this.#lag.disable();
    this.#latencies.push(...latenciesOf(arrivals));
    this.#perSecond.push(arrivalsPerSecond(arrivals));
  }

  result(bareMs: number): LatencyAtRate {
    const p99Ms = quantile(this.#latencies, 0.99);
    return {
      latencyRatio: p99Ms / bareMs,
      p50Ms: median(this.#latencies),
      p99Ms,
      // The monitor tells the time between its ticks, which are due one resolution apart.
      loopLagP99Ms: Math.max(0, this.#lag.percentile(99) / 1e6 - lagResolutionMs),
      framesPerSecond: median(this.#perSecond),
      frames: this.#latencies.length,
    };
  }
}

export const measureLatency = async (setup: LatencySetup): Promise<LatencyFigures> => {
  const { pictures, context, rounds } = setup;
  const models = await benchModels(context.models);
  const threads = availableParallelism();
  const loop = await BareLoop.open(models, await prepareFields(pictures, models), threads);
  const daemon = await DaemonUnderTest.start({ pictures, pace: "live", workers: 1, threads, models: context.models });
  try {
    await loop.run(0);
    const fieldMs: number[] = [];
    const warmUpMs = median((await loop.run(setup.phaseMs / 2)).fieldMs);
    const phaseMs = phaseFor(setup.phaseMs, warmUpMs);
    const intervalMs = (rate: Rate): number => warmUpMs / rates[rate];
    reel.intervalMs = intervalMs("saturated");
    await daemonPhase(daemon, phaseMs);
    const trials = { steady: new RateTrial(), saturated: new RateTrial() };
    const before = await daemon.stageTotals();
    for (let round = 0; round < rounds; round++) {
      await trials.saturated.phase(daemon, { intervalMs: intervalMs("saturated"), phaseMs });
      fieldMs.push(...(await loop.run(phaseMs / 2)).fieldMs);
      await trials.steady.phase(daemon, { intervalMs: intervalMs("steady"), phaseMs });
      fieldMs.push(...(await loop.run(phaseMs / 2)).fieldMs);
    }
    const stageMs = stageMeans(before, await daemon.stageTotals());
    const bareMs = median(fieldMs);
    return {
      bareMs,
      rates: { steady: trials.steady.result(bareMs), saturated: trials.saturated.result(bareMs) },
      clusteringShare: stageMs.clustering / stageMs.inference,
      stageMs,
    };
  } finally {
    await daemon[Symbol.asyncDispose]();
    await loop[Symbol.asyncDispose]();
  }
};

/** Training steps in a process of their own until it is ended. */
class TrainingBeside implements AsyncDisposable {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(): Promise<TrainingBeside> {
    const launch = launchOf(new URL("./trainingLoad.js", import.meta.url));
    const child = spawn(process.execPath, [...launch.execArgv, fileURLToPath(launch.url)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    // It writes a line when it has taken its first step.
    await once(child.stdout!, "data");
    return new TrainingBeside(child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }
}

export const latencyFigures = (result: LatencyFigures, source: string): Figure[] => {
  const { steady, saturated } = result.rates;
  const daemon = `daemon in this process, live memory camera with ${source}, one worker of ${availableParallelism()} thread(s)`;
  const bare = `median of a field in a bare session.run loop of the same networks (${result.bareMs.toFixed(2)} ms), phases in turn`;
  const at = (rate: Rate): string => `camera at ${rates[rate]} times what the bare loop can do`;
  return [
    {
      name: "latencyRatio",
      value: saturated.latencyRatio,
      atMost: 2,
      how: `p99 from capture to the cells at a ws client on a thread of its own, over the ${bare}; ${daemon}; ${at("saturated")}`,
    },
    {
      name: "latencyRatio.steady",
      value: steady.latencyRatio,
      atMost: 2,
      how: `the same, ${at("steady")}`,
    },
    {
      name: "clusteringShare",
      value: result.clusteringShare,
      atMost: 0.02,
      how: `mean clustering time over mean inference time of the density network, from the daemon's own metrics; ${daemon}`,
    },
    {
      name: "loopLagP99Ms",
      value: saturated.loopLagP99Ms,
      unit: "ms",
      atMost: 20,
      how: `p99 of perf_hooks.monitorEventLoopDelay (resolution ${lagResolutionMs} ms, taken off) on the main thread; ${daemon}; ${at("saturated")}`,
    },
  ];
};

const rowsOf = (name: string, { rates: found }: LatencyFigures): string[][] =>
  (Object.keys(rates) as Rate[]).map((rate) => [
    `${name}, ${rate}`,
    ...[found[rate].latencyRatio, found[rate].p50Ms, found[rate].p99Ms, found[rate].loopLagP99Ms].map((value) =>
      value.toFixed(2),
    ),
    found[rate].framesPerSecond.toFixed(1),
    String(found[rate].frames),
  ]);

export const latencyBench = async (context: BenchContext): Promise<BenchResult> => {
  const { name, pictures } = await usualPictures(12);
  const setup = { pictures, context, rounds: 6, phaseMs: 2000 };
  const alone = await measureLatency(setup);
  const training = await TrainingBeside.start();
  let beside: LatencyFigures;
  try {
    beside = await measureLatency({ ...setup, rounds: 4 });
  } finally {
    await training[Symbol.asyncDispose]();
  }
  const figures = latencyFigures(alone, name);
  figures.push({
    name: "loopLagP99Ms.besideTraining",
    value: beside.rates.saturated.loopLagP99Ms,
    unit: "ms",
    atMost: 20,
    how: "the same while a process of its own takes training steps on all cores",
  });
  const head = ["", "ratio", "p50 ms", "p99 ms", "lag p99", "frames/s", "frames"];
  return {
    figures,
    text: columns([head, ...rowsOf("alone", alone), ...rowsOf("beside training", beside)]),
    raw: { alone, beside },
  };
};
