import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  busyLoad,
  decide,
  restHours,
  type TriggerFacts,
  type TriggerRule,
} from "../../../src/training/jobs/trigger.js";

const [minuteMs, hourMs, dayMs] = [60_000, 3_600_000, 86_400_000];
const night = Date.UTC(2026, 5, 1, 23, 30);
const rule: TriggerRule = {
  confirmedFields: 40,
  confirmedCells: 30,
  ageDays: 14,
  idleMinutes: 10,
  window: { from: "22:00", to: "05:00", timeZone: "UTC" },
};
const ripe: TriggerFacts = {
  atMs: night,
  enabled: true,
  newFields: 40,
  newCells: {},
  oldestNewAtMs: night - dayMs,
  live: false,
  lastLiveAtMs: night - hourMs,
  load: 0.1,
};

describe("the pile-up rule", () => {
  it("begins at night with enough fields, cells of a class, or age, and says which", () => {
    expect(decide(ripe, rule)).toMatchObject({ start: true, atMs: night });
    expect(decide(ripe, rule).reasons[0]).toBe("40 fields confirmed since the last training: 40 are enough.");
    const few = { ...ripe, newFields: 3 };
    expect(decide(few, rule).start).toBe(false);
    expect(decide({ ...few, newCells: { basophil: 30, monocyte: 4 } }, rule)).toMatchObject({ start: true });
    expect(decide({ ...few, oldestNewAtMs: night - 14 * dayMs }, rule)).toMatchObject({ start: true });
    expect(decide({ ...ripe, newFields: 0, oldestNewAtMs: night - 99 * dayMs }, rule).start).toBe(false);
  });

  it.each<[string, Partial<TriggerFacts>, RegExp]>([
    ["switched off", { enabled: false }, /switched off/],
    ["by day", { atMs: night - 12 * hourMs }, /only between 22:00 and 05:00/],
    ["while a slide is counted", { live: true }, /being counted/],
    ["soon after one", { lastLiveAtMs: night - 9 * minuteMs }, /less than 10 minutes ago/],
    ["on a busy machine", { load: busyLoad + 0.01 }, /busy/],
    ["soon after a failure", { failedAtMs: night - (restHours - 1) * hourMs }, /did not end well/],
    ["while one runs", { running: "abc" }, /abc has not ended/],
  ])("does not begin %s, and says so", (_, change, reason) => {
    const decision = decide({ ...ripe, ...change }, rule);
    expect(decision.start).toBe(false);
    expect(decision.reasons.some((text) => reason.test(text))).toBe(true);
  });

  it("begins only if each condition holds, whatever the others are", () => {
    const facts = fc.record({
      atMs: fc.integer({ min: night - 2 * dayMs, max: night + 2 * dayMs }),
      enabled: fc.boolean(),
      newFields: fc.integer({ min: 0, max: 80 }),
      newCells: fc.dictionary(fc.constantFrom("basophil", "monocyte"), fc.integer({ min: 0, max: 60 })),
      oldestNewAtMs: fc.integer({ min: night - 20 * dayMs, max: night }),
      live: fc.boolean(),
      lastLiveAtMs: fc.option(fc.integer({ min: night - hourMs, max: night }), { nil: undefined }),
      load: fc.double({ min: 0, max: 2, noNaN: true }),
      running: fc.option(fc.constant("abc"), { nil: undefined }),
      failedAtMs: fc.option(fc.integer({ min: night - 2 * dayMs, max: night }), { nil: undefined }),
    });
    fc.assert(
      fc.property(facts, (some) => {
        const hour = new Date(some.atMs).getUTCHours();
        const piled =
          some.newFields > 0 &&
          (some.newFields >= 40 ||
            Object.values(some.newCells).some((cells) => cells >= 30) ||
            some.atMs - some.oldestNewAtMs >= 14 * dayMs);
        const quiet = !some.live && (some.lastLiveAtMs === undefined || some.atMs - some.lastLiveAtMs >= 10 * minuteMs);
        const rested = some.failedAtMs === undefined || some.atMs - some.failedAtMs >= restHours * hourMs;
        const may = some.enabled && (hour >= 22 || hour < 5) && some.load <= busyLoad && some.running === undefined;
        const { start, reasons } = decide(some, rule);
        expect(start).toBe(piled && quiet && rested && may);
        expect(reasons.length).toBeGreaterThanOrEqual(4);
      }),
    );
  });
});
