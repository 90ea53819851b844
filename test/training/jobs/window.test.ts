import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clockMinutes, insideWindow } from "../../../src/training/jobs/window.js";

const zones = [
  "UTC",
  "Europe/Vienna",
  "America/New_York",
  "Asia/Kolkata",
  "Australia/Lord_Howe",
  "Pacific/Apia",
] as const;
const zone = fc.constantFrom(...zones);
const moment = fc.integer({ min: Date.UTC(2020, 0, 1), max: Date.UTC(2032, 0, 1) });
const minute = fc.integer({ min: 0, max: 1439 });

const two = (value: number): string => String(value).padStart(2, "0");
const clockTime = (minutes: number): string => `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;

/** What Intl writes, in another locale's and format's way. */
const shown = (atMs: number, timeZone: string): string => {
  const text = new Date(atMs).toLocaleString("sv-SE", { timeZone });
  return text.slice(11, 16);
};

describe("the window of trainings", () => {
  it("reads the clocks of a zone as Intl shows them, daylight saving and half hours included", () => {
    fc.assert(
      fc.property(moment, zone, (atMs, timeZone) => {
        expect(clockTime(clockMinutes(atMs, timeZone))).toBe(shown(atMs, timeZone));
      }),
      { numRuns: 2000 },
    );
  });

  it("holds exactly the minutes from its beginning up to its end, over midnight or not", () => {
    fc.assert(
      fc.property(moment, zone, minute, minute, (atMs, timeZone, from, to) => {
        const minutes = new Set<string>();
        for (let at = from; at !== to; at = (at + 1) % 1440) minutes.add(clockTime(at));
        const expected = from === to || minutes.has(shown(atMs, timeZone));
        expect(insideWindow(atMs, { from: clockTime(from), to: clockTime(to), timeZone })).toBe(expected);
      }),
      { numRuns: 500 },
    );
  });

  it("opens in the hour that spring leaves out never, in that which autumn repeats twice", () => {
    const window = { from: "02:00", to: "03:00", timeZone: "Europe/Vienna" };
    const open = (day: number): number => {
      let minutes = 0;
      for (let at = 0; at < 1440; at++) if (insideWindow(day + at * 60_000, window)) minutes++;
      return minutes;
    };
    const noon = (month: number, day: number): number => Date.UTC(2026, month, day, 11);
    expect(open(noon(2, 28))).toBe(0);
    expect(open(noon(5, 1))).toBe(60);
    expect(open(noon(9, 24))).toBe(120);
  });
});
