import { describe, expect, it } from "vitest";
import { createManualClock } from "../../../src/core/index.js";
import { WorkClock } from "../../../src/training/jobs/work/workClock.js";

describe("the clock of work", () => {
  it("counts work, not rests, and not what the process slept through", async () => {
    const time = createManualClock();
    let rests = 0;
    const clock = new WorkClock(1000, () => rests++, time.monotonic);
    time.advance(500);
    expect(clock.now()).toBe(1500);
    await clock.turn();
    clock.rest();
    time.advance(100);
    const turn = clock.turn();
    expect(rests).toBe(1);
    time.advance(3_600_000);
    expect(clock.now()).toBe(1600);
    clock.goOn();
    await turn;
    time.advance(200);
    expect(clock.now()).toBe(1800);
    // Stopped from outside, or a laptop that was shut: at most a few seconds of it count.
    time.advance(7_200_000);
    expect(clock.now()).toBeLessThan(1800 + 10_000);
  });

  it("rests once for a rest that is asked for twice, and not for one that was taken back", async () => {
    const time = createManualClock();
    let rests = 0;
    const clock = new WorkClock(0, () => rests++, time.monotonic);
    clock.rest();
    clock.goOn();
    await clock.turn();
    expect(rests).toBe(0);
    clock.rest();
    clock.rest();
    const turn = clock.turn();
    clock.goOn();
    await turn;
    expect(rests).toBe(1);
  });
});
