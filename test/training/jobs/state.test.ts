import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jobSteps } from "../../../src/training/jobs/index.js";
import {
  type JobCourse,
  type JobEvent,
  recordOf,
  reduceJob,
  stateOf,
  wholeDone,
} from "../../../src/training/jobs/state.js";

const queued: JobEvent = { kind: "queued", id: "j", atMs: 5, reason: "asked", fields: 9 };
const by = fc.constantFrom("live" as const, "asked" as const);
const event: fc.Arbitrary<JobEvent> = fc.oneof(
  fc.constant(queued),
  fc.record({ kind: fc.constant("began" as const), pid: fc.nat() }),
  fc.record({
    kind: fc.constant("at" as const),
    step: fc.constantFrom(...jobSteps),
    done: fc.double({ min: -1, max: 2, noNaN: true }),
  }),
  fc.record({ kind: fc.constant("held" as const), by }),
  fc.record({ kind: fc.constant("released" as const), by }),
  fc.record({
    kind: fc.constant("lost" as const),
    crash: fc.boolean(),
    code: fc.constant("JOB_CRASHED"),
    message: fc.string(),
  }),
  fc.constant({ kind: "interrupted" as const }),
  fc.constant({ kind: "rested" as const, how: "itself" as const }),
  fc.record({ kind: fc.constant("candidate" as const), name: fc.string() }),
  fc.record({
    kind: fc.constant("ended" as const),
    atMs: fc.nat(),
    state: fc.constantFrom("done" as const, "refused" as const, "failed" as const, "cancelled" as const),
  }),
);

const course = (events: readonly JobEvent[]): JobCourse | undefined =>
  events.reduce<JobCourse | undefined>(reduceJob, undefined);

describe("the course of a training", () => {
  it("is nothing before it is queued", () => {
    fc.assert(
      fc.property(fc.array(event.filter(({ kind }) => kind !== "queued")), (events) => {
        expect(course(events)).toBeUndefined();
      }),
    );
  });

  it("keeps its promises whatever happens to it", () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (events) => {
        let now = course([queued])!;
        for (const one of events) {
          const before = now;
          now = reduceJob(before, one)!;
          expect(now.id).toBe("j");
          // What has ended stays as it is; nothing goes back.
          if (before.ending) expect(now).toBe(before);
          expect(now.done).toBeGreaterThanOrEqual(before.done);
          expect(now.done).toBeLessThanOrEqual(1);
          expect(now.attempt - before.attempt).toBe(one.kind === "began" && before.again && !before.ending ? 1 : 0);
          expect(now.crashes - before.crashes).toBe(one.kind === "lost" && one.crash && !before.ending ? 1 : 0);
          expect(new Set(now.holders).size).toBe(now.holders.length);
          const state = stateOf(now);
          expect(state === "paused").toBe(!now.ending && now.holders.length > 0);
          expect(state === "running").toBe(!now.ending && now.holders.length === 0 && now.working);
          expect(recordOf(now).pausedBy !== undefined).toBe(state === "paused");
          expect(now.endedAtMs !== undefined).toBe(now.ending !== undefined);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("is the same from its journal as step by step", () => {
    fc.assert(
      fc.property(fc.array(event), (events) => {
        const all = [queued, ...events];
        const read = all.map((one) => JSON.parse(JSON.stringify(one)) as JobEvent);
        expect(JSON.stringify(course(read))).toBe(JSON.stringify(course(all)));
      }),
    );
  });

  it("goes from nothing to the whole over its steps", () => {
    const marks = jobSteps.flatMap((step) => [0, 0.5, 1].map((done) => wholeDone(step, done)));
    expect(marks).toEqual([...marks].sort((a, b) => a - b));
    expect([marks[0], marks.at(-1)]).toEqual([0, 1]);
  });
});
