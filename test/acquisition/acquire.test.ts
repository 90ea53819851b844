import { EMPTY, firstValueFrom, lastValueFrom, NEVER, Subject, take, takeWhile, toArray } from "rxjs";
import { describe, expect, it } from "vitest";
import { type AcquiredFrame, type AcquireOptions, acquire, type CameraStatus } from "../../src/acquisition/index.js";
import { CytoError } from "../../src/core/index.js";
import { disconnected, frames, type Script, scriptedCamera } from "./scriptedCamera.js";

const fast = { initialDelayMs: 1, maxDelayMs: 4 };

function begin(script: Script, options: Partial<AcquireOptions> = {}) {
  const camera = scriptedCamera(script);
  const acquisition = acquire({
    driver: camera.driver,
    source: undefined,
    driverOptions: {},
    reconnect: fast,
    ...options,
  });
  const statuses: CameraStatus[] = [];
  acquisition.status$.subscribe((status) => statuses.push(status));
  const states = (): string[] => statuses.map(({ state, stale }) => (stale ? `${state}, stale` : state));
  return { camera, acquisition, statuses, states };
}

const sequences = (all: readonly AcquiredFrame[]): number[] => all.map(({ frame }) => frame.sequence);

describe("acquire", () => {
  it("delivers the frames of a source that ends, and completes", async () => {
    const { acquisition, camera, states } = begin({ openings: [frames(3)] });
    const all = await lastValueFrom(acquisition.frame$.pipe(toArray()));
    expect(sequences(all)).toEqual([0, 1, 2]);
    expect(all[0]?.frame.camera).toBe("scripted");
    expect(all[0]?.quality.focus).toBe(0);
    expect(states()).toEqual(["opening", "streaming", "ended"]);
    expect([camera.opened, camera.closed]).toEqual([1, 1]);
    await acquisition[Symbol.asyncDispose]();
  });

  it("opens a camera that failed again, names the cause, and goes on counting", async () => {
    const lost = [...frames(2), { do: "fail", error: disconnected() } as const];
    const { acquisition, camera, statuses, states } = begin({ openings: [lost, lost, frames(1)] });
    const all = await lastValueFrom(acquisition.frame$.pipe(toArray()));
    expect(sequences(all)).toEqual([0, 1, 2, 3, 4]);
    expect(states()).toEqual([
      "opening",
      "streaming",
      "reconnecting",
      "streaming",
      "reconnecting",
      "streaming",
      "ended",
    ]);
    expect(statuses[2]).toMatchObject({ cause: "CAMERA_DISCONNECTED", attempt: 1, message: "the cable is out" });
    expect(statuses[3]?.cause).toBeUndefined();
    expect([camera.opened, camera.closed, camera.mostOpen]).toEqual([3, 3, 1]);
  });

  it("counts attempts in a row", async () => {
    const refuse = { refuse: new CytoError("CAMERA_UNREACHABLE", "nobody there") };
    const { acquisition, statuses } = begin({ openings: [refuse, refuse, refuse, frames(1)] });
    await lastValueFrom(acquisition.frame$);
    const attempts = statuses.filter(({ state }) => state === "reconnecting").map(({ attempt }) => attempt);
    expect(attempts).toEqual([1, 2, 3]);
  });

  it("fails at once where a camera that never worked cannot be opened by trying again", async () => {
    const { acquisition, camera, statuses } = begin({
      openings: [{ refuse: new CytoError("CAMERA_SOURCE_NOT_FOUND", "no such folder") }],
    });
    await expect(lastValueFrom(acquisition.frame$)).rejects.toMatchObject({ code: "CAMERA_SOURCE_NOT_FOUND" });
    expect(statuses.at(-1)).toMatchObject({ state: "failed", cause: "CAMERA_SOURCE_NOT_FOUND" });
    expect(camera.opened).toBe(1);
  });

  it("waits for the source of a camera that has worked to come back", async () => {
    const gone = { refuse: new CytoError("CAMERA_SOURCE_NOT_FOUND", "the device is unplugged") };
    const lost = [...frames(1), { do: "fail", error: disconnected() } as const];
    const { acquisition } = begin({ openings: [lost, gone, gone, frames(1)] });
    expect(sequences(await lastValueFrom(acquisition.frame$.pipe(toArray())))).toEqual([0, 1]);
  });

  it("wraps a foreign error of a driver and tries again", async () => {
    const { acquisition, statuses } = begin({ openings: [{ refuse: new Error("boom") }, frames(1)] });
    await lastValueFrom(acquisition.frame$);
    expect(statuses.some(({ cause }) => cause === "CAMERA_OPEN_FAILED")).toBe(true);
  });

  it("marks a camera that hangs stale, leaves it behind, opens it anew, and recovers", async () => {
    const hanging = [...frames(1), { do: "hang" } as const];
    const { acquisition, camera, states, statuses } = begin({ openings: [hanging, frames(2)] }, { staleAfterMs: 500 });
    const stale: boolean[] = [];
    acquisition.stale$.subscribe((value) => stale.push(value));
    expect(sequences(await lastValueFrom(acquisition.frame$.pipe(toArray())))).toEqual([0, 1, 2]);
    expect(states()).toEqual(["opening", "streaming", "stale, stale", "reconnecting, stale", "streaming", "ended"]);
    expect(statuses[3]?.cause).toBe("CAMERA_STALE");
    expect(stale).toEqual([false, true, false]);
    expect(camera.mostOpen).toBe(1);
  });

  it("marks results stale while a camera that failed does not come back", async () => {
    const lost = [...frames(1), { do: "fail", error: disconnected() } as const];
    const refuse = { refuse: new CytoError("CAMERA_UNREACHABLE", "nobody there") };
    const { acquisition } = begin({ openings: [lost, refuse] }, { staleAfterMs: 300 });
    const subscription = acquisition.frame$.subscribe();
    const status = await firstValueFrom(
      acquisition.status$.pipe(
        takeWhile(({ stale }) => !stale, true),
        toArray(),
      ),
    );
    expect(status.at(-1)).toMatchObject({ state: "reconnecting", stale: true, cause: "CAMERA_UNREACHABLE" });
    subscription.unsubscribe();
    await acquisition[Symbol.asyncDispose]();
  });

  it("does not take a slow camera that tells its rate for a stale one", async () => {
    const script: Script = { openings: [[...frames(1), { do: "wait" }]], frameIntervalMs: 100_000 };
    const { acquisition, states } = begin(script, { staleAfterMs: 10 });
    const subscription = acquisition.frame$.subscribe();
    await firstValueFrom(acquisition.frame$.pipe(take(1)));
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(states()).toEqual(["opening", "streaming"]);
    subscription.unsubscribe();
    await acquisition[Symbol.asyncDispose]();
  });

  it("gives up an opening that hangs, and closes a camera that opens too late", async () => {
    const { acquisition, camera, statuses } = begin({ openings: [{ hang: true }, frames(1)] }, { openTimeoutMs: 30 });
    await lastValueFrom(acquisition.frame$);
    expect(camera.opened).toBe(2);
    expect(statuses[1]).toMatchObject({ state: "reconnecting", cause: "CAMERA_OPEN_FAILED" });
  });

  it("refuses malformed frames, counts them by cause, and goes on", async () => {
    const bad = [
      { width: 5 },
      { height: 0 },
      { width: 1.5 },
      { pixels: new Uint8Array(23) },
      { capturedAtMs: Number.NaN },
    ];
    const steps = bad.flatMap((frame) => [{ do: "frame", frame } as const, { do: "frame" } as const]);
    const faults: string[] = [];
    const { acquisition } = begin({ openings: [steps] }, { onFault: (fault) => faults.push(fault.code) });
    expect(sequences(await lastValueFrom(acquisition.frame$.pipe(toArray())))).toEqual([0, 1, 2, 3, 4]);
    expect(acquisition.counts).toMatchObject({ produced: 10, drops: { FRAME_INVALID: 5 } });
    expect(faults).toEqual(new Array(5).fill("FRAME_INVALID"));
  });

  it("opens a camera anew that delivers malformed frames only", async () => {
    const steps = Array.from({ length: 40 }, () => ({ do: "frame", frame: { width: 7 } }) as const);
    const { acquisition, statuses } = begin({ openings: [steps, frames(1)] });
    await lastValueFrom(acquisition.frame$);
    expect(statuses[1]).toMatchObject({ state: "reconnecting", cause: "FRAME_INVALID" });
    expect(acquisition.counts.drops).toEqual({ FRAME_INVALID: 30 });
  });

  it("counts what the driver lost", async () => {
    const dropped: string[] = [];
    const steps = [{ do: "fault" }, ...frames(1), { do: "fault" }] as const;
    const { acquisition } = begin({ openings: [steps] }, { onDrop: (cause) => dropped.push(cause) });
    await lastValueFrom(acquisition.frame$);
    expect(dropped).toEqual(["IMAGE_UNREADABLE", "IMAGE_UNREADABLE"]);
    expect(acquisition.counts.produced).toBe(3);
  });

  it("closes the camera when disposed of, even one that hangs, and completes what it gave", async () => {
    for (const openings of [[[...frames(1), { do: "hang" } as const]], [{ hang: true } as const]]) {
      const { acquisition, states } = begin({ openings }, { staleAfterMs: 3000, openTimeoutMs: 60_000 });
      const whole = lastValueFrom(acquisition.frame$.pipe(toArray()));
      await Promise.race([firstValueFrom(acquisition.frame$.pipe(take(1))), new Promise((r) => setTimeout(r, 20))]);
      await acquisition[Symbol.asyncDispose]();
      await acquisition[Symbol.asyncDispose]();
      await whole;
      expect(states()).not.toContain("ended");
    }
  });

  it("does not wait longer than its deadline for a camera that does not close", async () => {
    const faults: string[] = [];
    const { acquisition } = begin(
      { openings: [frames(1)], hangOnClose: true },
      { closeTimeoutMs: 20, onFault: (fault) => faults.push(fault.code) },
    );
    await lastValueFrom(acquisition.frame$);
    expect(faults).toEqual(["CLOSE_TIMEOUT"]);
  });
});

describe("Acquisition.process", () => {
  it("takes every frame of a camera that waits, however slow the work, and never asks for more than there is room for", async () => {
    const { acquisition, camera } = begin({ openings: [frames(12)], pace: "onDemand" });
    let ahead = 0;
    let done = 0;
    const work = async ({ frame }: AcquiredFrame): Promise<number> => {
      ahead = Math.max(ahead, camera.framesGiven - done);
      await new Promise((resolve) => setTimeout(resolve, 2));
      done++;
      return frame.sequence;
    };
    const all = await lastValueFrom(acquisition.process(work, { concurrency: 2, waiting: 1 }).pipe(toArray()));
    expect(all).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(ahead).toBeLessThanOrEqual(3);
    expect(acquisition.counts).toEqual({ produced: 12, processed: 12, inFlight: 0, drops: {} });
  });

  it("asks for no frame while one that is done waits behind a slower one, and drops none", async () => {
    const { acquisition, camera } = begin({ openings: [frames(40)], pace: "onDemand" });
    const work = async ({ frame }: AcquiredFrame): Promise<number> => {
      const slow = frame.sequence % 5 === 0;
      await new Promise((resolve) => setTimeout(resolve, slow ? 12 : 1));
      if (slow) expect(camera.framesGiven - frame.sequence).toBeLessThanOrEqual(4);
      return frame.sequence;
    };
    const all = await lastValueFrom(acquisition.process(work, { concurrency: 3, waiting: 1 }).pipe(toArray()));
    expect(all).toEqual(Array.from({ length: 40 }, (_, sequence) => sequence));
    expect(acquisition.counts).toEqual({ produced: 40, processed: 40, inFlight: 0, drops: {} });
  });

  it("works on the newest frame of a live camera and counts the others", async () => {
    const { acquisition } = begin({ openings: [frames(20)] });
    const gate = new Subject<void>();
    const seen: number[] = [];
    const whole = lastValueFrom(
      acquisition.process(
        async ({ frame }) => {
          seen.push(frame.sequence);
          if (frame.sequence === 0) await firstValueFrom(gate);
          return frame.sequence;
        },
        { waiting: 2 },
      ),
    );
    await firstValueFrom(
      acquisition.status$.pipe(
        takeWhile(({ state }) => state !== "ended"),
        toArray(),
      ),
    );
    gate.next();
    await whole;
    expect(seen).toEqual([0, 18, 19]);
    expect(acquisition.counts).toEqual({ produced: 20, processed: 3, inFlight: 0, drops: { superseded: 17 } });
  });

  it("counts what is given up at the end", async () => {
    const { acquisition } = begin({ openings: [[...frames(3), { do: "wait" }]] });
    const subscription = acquisition.process(() => NEVER, { waiting: 1 }).subscribe();
    await firstValueFrom(
      acquisition.status$.pipe(
        takeWhile(({ state }) => state !== "streaming"),
        toArray(),
      ),
    );
    await new Promise((resolve) => setImmediate(resolve));
    subscription.unsubscribe();
    await acquisition[Symbol.asyncDispose]();
    const { produced, processed, inFlight, drops } = acquisition.counts;
    expect([processed, inFlight]).toEqual([0, 0]);
    expect(Object.values(drops).reduce((sum, count) => sum + count, 0)).toBe(produced);
  });

  it("counts work without a result as done", async () => {
    const { acquisition } = begin({ openings: [frames(4)], pace: "onDemand" });
    await lastValueFrom(acquisition.process(() => EMPTY).pipe(toArray()));
    expect(acquisition.counts.processed).toBe(4);
  });
});
