import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Worker } from "node:worker_threads";
import { loadConfig } from "../src/config/index.js";
import { spawnWorker } from "../src/core/index.js";
import type { ModelChoice } from "../src/daemon/index.js";
import { type Daemon, startDaemon } from "../src/main.js";
import { createLogger } from "../src/observability/index.js";
import { streamPath } from "../src/publication/index.js";
import type { Arrival } from "./clientWorker.js";
import { freshDataDirectory } from "./dataDirectory.js";
import { type ReelPicture, reel } from "./drivers/cameras/memory/reel.js";

export interface DaemonSetup {
  readonly pictures: readonly ReelPicture[];
  readonly pace: "live" | "onDemand";
  readonly workers: number;
  /** Of onnxruntime in each worker. */
  readonly threads: number;
  readonly models: ModelChoice;
}

export const stages = ["preprocess", "inference", "clustering", "classification"] as const;
export type Stage = (typeof stages)[number];

/** Seconds that the detector spent since its start, by stage, and the fields that it searched. */
export interface StageTotals {
  readonly seconds: Readonly<Record<Stage, number>>;
  readonly fields: number;
}

const driversDirectory = fileURLToPath(new URL("./drivers/", import.meta.url));

/** The daemon as `cytostream run` starts it, before a camera that costs nothing, with a client on a thread of its own. */
export class DaemonUnderTest implements AsyncDisposable {
  readonly #daemon: Daemon;
  readonly #client: Worker;

  private constructor(daemon: Daemon, client: Worker) {
    this.#daemon = daemon;
    this.#client = client;
  }

  static async start({ pictures, pace, workers, threads, models }: DaemonSetup): Promise<DaemonUnderTest> {
    reel.stop();
    reel.pictures = pictures;
    const settings = [
      "camera.name=memory",
      `camera.options.pace=${pace}`,
      "camera.staleAfterMs=3000",
      "detection.provider=cpu",
      `detection.workers=${workers}`,
      `detection.threads=${threads}`,
      "publication.port=0",
      `dataDir=${freshDataDirectory()}`,
      ...(models.detector === undefined ? [] : [`detection.models.detector=${models.detector}`]),
      ...(models.classifier === undefined ? [] : [`detection.models.classifier=${models.classifier}`]),
    ];
    const log = createLogger({ level: "silent", pretty: false });
    const config = await loadConfig({ settings });
    const daemon = await startDaemon({ config, version: "0.0.0-bench", log, driversDirectory });
    const url = `${daemon.url.replace(/^http/, "ws").replace(/\/$/, "")}${streamPath}`;
    const client = spawnWorker(new URL("./clientWorker.js", import.meta.url), { workerData: { url } });
    await once(client, "message");
    return new DaemonUnderTest(daemon, client);
  }

  /** What has come to the client since it was last asked. */
  async arrivals(): Promise<readonly Arrival[]> {
    const answer = once(this.#client, "message");
    this.#client.postMessage("take");
    return ((await answer) as [readonly Arrival[]])[0];
  }

  /** From the daemon's own metrics. */
  async stageTotals(): Promise<StageTotals> {
    const text = await (await fetch(new URL("metrics", this.#daemon.url))).text();
    const read = (part: "sum" | "count", stage: Stage): number => {
      const line = new RegExp(`^cytostream_detection_seconds_${part}\\{stage="${stage}"\\} (\\S+)$`, "m").exec(text);
      return Number(line?.[1] ?? 0);
    };
    const seconds = Object.fromEntries(stages.map((stage) => [stage, read("sum", stage)])) as Record<Stage, number>;
    return { seconds, fields: read("count", "inference") };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    reel.stop();
    const exited = once(this.#client, "exit");
    this.#client.postMessage("close");
    await exited;
    await this.#daemon.stop();
  }
}

/** Mean milliseconds a field between two readings. */
export const stageMeans = (before: StageTotals, after: StageTotals): Record<Stage, number> => {
  const fields = after.fields - before.fields;
  const mean = (stage: Stage): number => (1000 * (after.seconds[stage] - before.seconds[stage])) / fields;
  return Object.fromEntries(stages.map((stage) => [stage, mean(stage)])) as Record<Stage, number>;
};
