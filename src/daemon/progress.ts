import type { Clock } from "../core/index.js";
import type { StatusInput } from "../publication/index.js";
import type { CountedFrame } from "./messages.js";
import { RateMeter, RecentMedian } from "./rateMeter.js";

type CameraState = StatusInput["camera"]["state"];
type Quality = NonNullable<StatusInput["quality"]>;

export interface ProgressOptions {
  readonly clock: Clock;
  readonly camera: string;
  readonly source: string;
  /** Whether the camera's driver says that all that comes from it is simulated. */
  readonly simulated: boolean;
  /** Models and provider that serve. */
  readonly detector: () => Pick<StatusInput, "models" | "provider">;
}

const roundTo = (value: number, decimals: number): number => Number(value.toFixed(decimals));

/** How the daemon is doing: gathers what the stations tell and gives the status that is published. */
export class Progress {
  readonly #options: ProgressOptions;
  readonly #startedMs: number;
  readonly #cameraRate = new RateMeter();
  readonly #detectionRate = new RateMeter();
  readonly #latency = new RecentMedian();
  readonly #drops = new Map<string, number>();
  #cameraState: CameraState = "opening";
  #cause: string | undefined;
  #lastFrameAtMs: number | null = null;
  #quality: Quality | null = null;
  #scale: StatusInput["scale"] = null;

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#startedMs = options.clock.monotonic();
  }

  /** True while the camera should deliver and does not: what was counted is old. */
  get stale(): boolean {
    return this.#cameraState !== "streaming" && this.#cameraState !== "ended";
  }

  get cameraState(): CameraState {
    return this.#cameraState;
  }

  /** @param cause error code of what ended the streaming */
  cameraIs(state: CameraState, cause?: string): void {
    this.#cameraState = state;
    this.#cause = cause;
  }

  delivered(capturedAtMs: number, quality: Quality | null): void {
    this.#cameraRate.count(this.#options.clock.monotonic());
    this.#lastFrameAtMs = capturedAtMs;
    this.#quality = quality;
  }

  dropped(cause: string): void {
    this.#drops.set(cause, (this.#drops.get(cause) ?? 0) + 1);
  }

  /** @returns how old the frame is, ms */
  counted({ frame, detection }: CountedFrame): number {
    const ageMs = Math.max(0, this.#options.clock.now() - frame.capturedAtMs);
    this.#detectionRate.count(this.#options.clock.monotonic());
    this.#latency.add(ageMs);
    this.#scale = detection.scale;
    return ageMs;
  }

  status(): StatusInput {
    const { camera, source, simulated, detector, clock } = this.#options;
    const nowMs = clock.monotonic();
    return {
      type: "status",
      simulated,
      stale: this.stale,
      uptimeMs: Math.round(nowMs - this.#startedMs),
      camera: {
        name: camera,
        source,
        state: this.#cameraState,
        ...(this.#cause === undefined ? {} : { cause: this.#cause }),
        lastFrameAtMs: this.#lastFrameAtMs,
      },
      ...detector(),
      scale: this.#scale,
      rates: {
        cameraHz: roundTo(this.#cameraRate.perSecond(nowMs), 2),
        detectionHz: roundTo(this.#detectionRate.perSecond(nowMs), 2),
        latencyMs: this.#latency.median ?? null,
      },
      drops: Object.fromEntries(this.#drops),
      quality: this.#quality,
    };
  }
}
