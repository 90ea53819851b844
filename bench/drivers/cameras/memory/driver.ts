import { setTimeout as delay } from "node:timers/promises";
import type { Camera, CameraDriver, CameraFrame, CameraPace } from "../../../../drivers/contract.js";
import { type MemoryCameraOptions, manifest } from "./manifest.js";
import { reel } from "./reel.js";

class MemoryCamera implements Camera {
  readonly pace: CameraPace;
  readonly #closing = new AbortController();
  readonly #signal: AbortSignal;

  constructor({ pace }: MemoryCameraOptions, signal: AbortSignal) {
    this.pace = pace;
    this.#signal = AbortSignal.any([signal, this.#closing.signal]);
  }

  async *frames(): AsyncGenerator<CameraFrame, void, undefined> {
    const ended = new Promise<void>((resolve) => {
      this.#signal.addEventListener("abort", () => resolve(), { once: true });
    });
    let dueMs = 0;
    for (let index = 0; !this.#signal.aborted; ) {
      if (!reel.running) await Promise.race([reel.started(), ended]);
      if (this.#signal.aborted) return;
      if (this.pace === "live") {
        dueMs = Math.max(dueMs + reel.intervalMs, performance.now());
        // A timer ends after a whole millisecond: the rest of the schedule is kept by not waiting where it is past.
        const waitMs = dueMs - performance.now();
        if (waitMs > 0.5) await delay(waitMs, undefined, { signal: this.#signal }).catch(() => undefined);
        if (!reel.running || this.#signal.aborted) continue;
      }
      yield reel.frame(index++);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
  }
}

export const driver: CameraDriver<MemoryCameraOptions> = {
  manifest,
  open: async ({ options, signal }) => new MemoryCamera(options, signal),
};
