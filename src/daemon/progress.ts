import type { CameraStatus, FrameCounts, FrameQuality } from "../acquisition/index.js";
import type { Clock } from "../core/index.js";
import type { Counts } from "../counting/index.js";
import type { Detection } from "../detection/index.js";
import type { HealthRegistry, Metrics } from "../observability/index.js";
import type { StatusInput } from "../publication/index.js";
import type { CountedFrame } from "./messages.js";
import { RateMeter, RecentMedian } from "./rateMeter.js";

export interface ProgressOptions {
  readonly clock: Clock;
  readonly camera: string;
  readonly source: string;
  /** Whether the camera's driver says that all that comes from it is simulated. */
  readonly simulated: boolean;
  readonly metrics: Metrics;
  readonly health: HealthRegistry;
  readonly cameraStatus: () => CameraStatus;
  readonly frameCounts: () => FrameCounts;
  readonly detector: () => Pick<Detection, "models" | "provider">;
}

const roundTo = (value: number, decimals: number): number => Number(value.toFixed(decimals));

/** What is there of two counts by name, less what was there before. */
const growth = (now: Readonly<Record<string, number>>, before: Readonly<Record<string, number>>): [string, number][] =>
  Object.entries(now).flatMap(([name, count]) => {
    const grown = count - (before[name] ?? 0);
    return grown > 0 ? [[name, grown]] : [];
  });

const emptyCounts: FrameCounts = { produced: 0, processed: 0, inFlight: 0, drops: {} };

/**
 * How the daemon is doing: gathers what the stations tell, keeps metrics and health up to date, and gives the status that is
 * published.
 */
export class Progress {
  readonly #options: ProgressOptions;
  readonly #startedMs: number;
  readonly #cameraRate = new RateMeter();
  readonly #detectionRate = new RateMeter();
  readonly #latency = new RecentMedian();
  /** Frames that reached the detector and could not be searched, by error code. */
  readonly #failures: Record<string, number> = {};
  #before = emptyCounts;
  #lastFrameAtMs: number | null = null;
  #quality: StatusInput["quality"] = null;
  #scale: StatusInput["scale"] = null;
  #counts: Counts | undefined;

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#startedMs = options.clock.monotonic();
  }

  /** True while the camera should deliver and does not: what was counted is old. */
  get stale(): boolean {
    return this.#options.cameraStatus().stale;
  }

  /** The newest counts; undefined before the first field. */
  get counts(): Counts | undefined {
    return this.#counts;
  }

  /** A frame could not be searched. */
  failed(code: string): void {
    this.#failures[code] = (this.#failures[code] ?? 0) + 1;
    this.#options.metrics.framesDropped.inc({ cause: code });
  }

  counted(field: CountedFrame, quality: FrameQuality): void {
    this.#counts = field.counts;
    this.looked(field, quality);
  }

  /** A field was searched and shown, and is in no count. */
  looked({ frame, detection }: Pick<CountedFrame, "frame" | "detection">, quality: FrameQuality): void {
    const { clock, metrics } = this.#options;
    const ageMs = Math.max(0, clock.now() - frame.capturedAtMs);
    this.#detectionRate.count(clock.monotonic());
    this.#latency.add(ageMs);
    this.#scale = detection.scale;
    this.#lastFrameAtMs = frame.capturedAtMs;
    this.#quality = { focus: quality.focus, light: quality.light, stain: quality.stain };
    metrics.framesProcessed.inc();
    metrics.frameAgeSeconds.observe(ageMs / 1000);
    const { preprocessMs, inferenceMs, clusteringMs, classificationMs } = detection.timings;
    metrics.detectionSeconds.observe({ stage: "preprocess" }, preprocessMs / 1000);
    metrics.detectionSeconds.observe({ stage: "inference" }, inferenceMs / 1000);
    metrics.detectionSeconds.observe({ stage: "clustering" }, clusteringMs / 1000);
    metrics.detectionSeconds.observe({ stage: "classification" }, classificationMs / 1000);
  }

  /** Takes over what acquisition has counted since the last call. */
  update(): void {
    const { metrics, health, clock, frameCounts, cameraStatus } = this.#options;
    const counts = frameCounts();
    const produced = counts.produced - this.#before.produced;
    metrics.framesProduced.inc(produced);
    this.#cameraRate.count(clock.monotonic(), produced);
    for (const [cause, grown] of growth(counts.drops, this.#before.drops)) metrics.framesDropped.inc({ cause }, grown);
    metrics.queueDepth.set({ queue: "frames-in-flight" }, counts.inFlight);
    metrics.cameraStale.set(this.stale ? 1 : 0);
    reportCamera(health, cameraStatus());
    this.#before = counts;
  }

  status(): StatusInput {
    const { camera, source, simulated, detector, clock } = this.#options;
    const { state, cause } = this.#options.cameraStatus();
    const { models, provider } = detector();
    const nowMs = clock.monotonic();
    return {
      type: "status",
      simulated,
      stale: this.stale,
      uptimeMs: Math.round(nowMs - this.#startedMs),
      camera: { name: camera, source, state, ...(cause ? { cause } : {}), lastFrameAtMs: this.#lastFrameAtMs },
      models: {
        detector: nameOf(models.detector),
        ...(models.classifier ? { classifier: nameOf(models.classifier) } : {}),
      },
      provider,
      scale: this.#scale,
      rates: {
        cameraHz: roundTo(this.#cameraRate.perSecond(nowMs), 2),
        detectionHz: roundTo(this.#detectionRate.perSecond(nowMs), 2),
        latencyMs: this.#latency.median ?? null,
      },
      drops: { ...this.#options.frameCounts().drops, ...this.#failures },
      quality: this.#quality,
    };
  }
}

const nameOf = ({ name, version }: { name: string; version: string }) => ({ name, version });

/** A camera that is being opened anew still lets the daemon serve: its counts are there, marked stale. */
const reportCamera = (health: HealthRegistry, { state, cause, stale }: CameraStatus): void => {
  if (state === "failed") health.report("camera", "failed", cause);
  else if (state === "opening") health.report("camera", "starting", cause);
  else if (stale || state === "reconnecting") health.report("camera", "degraded", cause ?? "CAMERA_STALE");
  else health.report("camera", "ready");
};
