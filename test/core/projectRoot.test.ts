import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createManualClock, modelsDirectory, projectRoot, systemClock } from "../../src/core/index.js";

it("finds the project and its models", () => {
  expect(existsSync(join(projectRoot(), "src", "core", "projectRoot.ts"))).toBe(true);
  expect(modelsDirectory()).toBe(join(projectRoot(), "models"));
});

it("has a clock that tests set and one that goes by itself", () => {
  const clock = createManualClock(1000);
  clock.advance(5);
  expect([clock.now(), clock.monotonic()]).toEqual([1005, 5]);
  clock.setNow(10);
  expect([clock.now(), clock.monotonic()]).toEqual([10, 5]);
  expect(() => clock.advance(-1)).toThrow(RangeError);
  expect(systemClock.monotonic()).toBeLessThanOrEqual(systemClock.monotonic());
  expect(systemClock.now()).toBeGreaterThan(0);
});
