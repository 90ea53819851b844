import { describe, expect, it } from "vitest";
import type { AcquiredFrame } from "../../src/acquisition/index.js";
import { createManualClock, type Frame } from "../../src/core/index.js";
import { SettledFrames } from "../../src/daemon/settledFrames.js";

const frame = (sequence: number, capturedAtMs = 1): AcquiredFrame => ({
  frame: {
    sequence,
    capturedAtMs,
    width: 1,
    height: 1,
    pixels: new Uint8Array(3),
    camera: "test",
    source: "test",
    simulated: true,
  },
  quality: { focus: sequence } as AcquiredFrame["quality"],
  release: () => undefined,
});

const open = (live: boolean, latencyMs: number) => {
  const clock = createManualClock();
  return { clock, frames: new SettledFrames({ clock, latencyMs, live: () => live, timeoutMs: 60_000 }) };
};

describe("frames of a standing stage", () => {
  it("are none that nobody waits for", () => {
    const { frames } = open(false, 0);
    expect(frames.offer(frame(0))).toBe(false);
    expect(frames.wanted).toBe(false);
  });

  it("of a camera that waits are the next one after the latency", async () => {
    const { frames, clock } = open(false, 50);
    const taken = frames.take();
    expect(frames.wanted).toBe(true);
    clock.advance(70);
    expect(frames.offer(frame(1, 50))).toBe(false);
    expect(frames.offer(frame(2, 51))).toBe(true);
    const found: Frame = await taken;
    expect(found.sequence).toBe(2);
    expect(frames.qualityOf(found)?.focus).toBe(2);
    expect(frames.offer(frame(3))).toBe(false);
  });

  it("of a live camera leave out the frame that was under exposure", async () => {
    const { frames } = open(true, 0);
    const taken = frames.take();
    expect([frames.offer(frame(1)), frames.offer(frame(2))]).toEqual([false, true]);
    expect((await taken).sequence).toBe(2);
  });

  it("are given up when the wait is aborted, and can be asked for again", async () => {
    const { frames } = open(false, 0);
    const abort = new AbortController();
    const taken = frames.take(abort.signal);
    await expect(frames.take()).rejects.toMatchObject({ code: "INTERNAL" });
    abort.abort(new Error("enough"));
    await expect(taken).rejects.toThrow("enough");
    await expect(frames.take(abort.signal)).rejects.toThrow("enough");
    const again = frames.take();
    expect(frames.offer(frame(5))).toBe(true);
    expect((await again).sequence).toBe(5);
  });
});
