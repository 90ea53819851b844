import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createRandom, launchOf } from "../src/core/index.js";
import { spawnTraining } from "../src/training/jobs/index.js";
import { DaemonUnderTest } from "./daemonUnderTest.js";
import { reel } from "./drivers/cameras/memory/reel.js";
import { type BenchContext, type BenchResult, columns } from "./figures.js";
import { latenciesOf } from "./latency.js";
import { daemonPhase, easyIntervalMs, usualPictures } from "./pipeline.js";
import { median, quantile } from "./statistics.js";

/** What goes on beside the count in a phase. */
interface Company {
  begin(): void;
  end(): void;
}

/** A process that trains as the daemon's own trainings do, until it is ended. */
const startTraining = (): ChildProcess => {
  const launch = launchOf(new URL("./trainingLoad.js", import.meta.url));
  return spawnTraining([...launch.execArgv, fileURLToPath(launch.url)], true, ["ignore", "pipe", "inherit"]);
};

/** A training that stands still but in its own phases. */
class Training implements Company, AsyncDisposable {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(): Promise<Training> {
    const child = startTraining();
    await once(child.stdout!, "data");
    child.kill("SIGSTOP");
    return new Training(child);
  }

  begin(): void {
    this.#child.kill("SIGCONT");
  }

  end(): void {
    this.#child.kill("SIGSTOP");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }
}

/** A training that is begun anew in each of its phases, and killed at its end. */
class Restarted implements Company {
  #child: ChildProcess | undefined;

  begin(): void {
    this.#child = startTraining();
  }

  end(): void {
    this.#child?.kill("SIGKILL");
  }
}

/** 95 % interval of the ratio of two p99, phases drawn anew 1,000 times. */
const ratioInterval = (
  above: readonly (readonly number[])[],
  below: readonly (readonly number[])[],
): readonly [number, number] => {
  const random = createRandom(1);
  const drawn = (phases: readonly (readonly number[])[]): number =>
    quantile(
      phases.flatMap(() => phases[random.int(phases.length)]!),
      0.99,
    );
  const ratios = Array.from({ length: 1000 }, () => drawn(above) / drawn(below));
  return [quantile(ratios, 0.025), quantile(ratios, 0.975)];
};

/** How long a count takes alone, beside a training, and beside one that is killed and begun anew: phases in turn. */
export const besideBench = async ({ quick, models }: BenchContext): Promise<BenchResult> => {
  const { name: source, pictures } = await usualPictures(12);
  const [rounds, phaseMs] = quick ? [3, 3000] : [24, 5000];
  const daemon = await DaemonUnderTest.start({
    pictures,
    pace: "live",
    workers: 1,
    threads: availableParallelism(),
    models,
  });
  await using training = await Training.start();
  const companies: Readonly<Record<string, Company>> = {
    alone: { begin: () => undefined, end: () => undefined },
    beside: training,
    "begun anew": new Restarted(),
  };
  const phases: Record<string, number[][]> = Object.fromEntries(Object.keys(companies).map((name) => [name, []]));
  try {
    reel.intervalMs = easyIntervalMs;
    await daemonPhase(daemon, phaseMs);
    for (let round = 0; round < rounds; round++) {
      for (const [name, company] of Object.entries(companies)) {
        company.begin();
        await delay(300);
        phases[name]!.push(latenciesOf(await daemonPhase(daemon, phaseMs)));
        company.end();
      }
    }
  } finally {
    await daemon[Symbol.asyncDispose]();
  }
  const of = (name: string): readonly number[] => phases[name]!.flat();
  const p99 = (name: string): number => quantile(of(name), 0.99);
  const how = `p99 from capture to the cells at a ws client, over the one without a training; daemon in this process, memory camera with ${source}, a frame each ${easyIntervalMs} ms, ${rounds} phases of ${phaseMs / 1000} s each in turn`;
  const figure = (name: string, company: string, what: string) => {
    const [low, high] = ratioInterval(phases[company]!, phases.alone!);
    const interval = `95 % interval ${low.toFixed(2)} to ${high.toFixed(2)}, by phases`;
    return { name, value: p99(company) / p99("alone"), atMost: 1.1, how: `${how}; ${what}; ${interval}` };
  };
  const rows = Object.keys(companies).map((name) => [
    name,
    String(of(name).length),
    ...[median(of(name)), quantile(of(name), 0.9), p99(name), Math.max(...of(name))].map((value) => value.toFixed(1)),
  ]);
  return {
    figures: [
      figure("besideTraining", "beside", "beside a training on all cores that yields as the daemon's do"),
      figure("besideTraining.begunAnew", "begun anew", "beside one that is begun in each phase, and killed at its end"),
    ],
    text: columns([["", "fields", "p50 ms", "p90", "p99", "longest"], ...rows]),
    raw: phases,
  };
};
