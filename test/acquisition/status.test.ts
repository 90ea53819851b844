import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CameraEvent, type CameraStatus, initialStatus, reduceStatus } from "../../src/acquisition/status.js";

const event: fc.Arbitrary<CameraEvent> = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ type: "frame" } as const) },
  { weight: 3, arbitrary: fc.constant({ type: "stale" } as const) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("retry" as const),
      code: fc.constantFrom("CAMERA_STALE" as const, "CAMERA_DISCONNECTED" as const),
      message: fc.string(),
      delayMs: fc.nat(1000),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ type: "ended" } as const) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("failed" as const),
      code: fc.constant("INTERNAL" as const),
      message: fc.string(),
    }),
  },
);

/** What must hold after an event, whatever came before. `retries`: failures since frames last came. */
function expectPromises(before: CameraStatus, event: CameraEvent, after: CameraStatus, retries: number): void {
  if (event.type === "frame") {
    expect(after).toMatchObject({ state: "streaming", stale: false, attempt: 0 });
    expect(after.cause).toBeUndefined();
  }
  if (event.type === "stale") expect(after.stale).toBe(true);
  if (event.type === "retry") {
    expect(after).toMatchObject({ state: "reconnecting", cause: event.code, attempt: retries, stale: before.stale });
  }
  if (after.state === "stale") expect(after.stale).toBe(true);
  if (after.state === before.state) expect(after.sinceMs).toBe(before.sinceMs);
}

describe("reduceStatus", () => {
  it("keeps its promises whatever happens in whatever order", () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (events) => {
        let status = initialStatus(0);
        let retries = 0;
        for (const [index, next] of events.entries()) {
          const before = status;
          status = reduceStatus(status, next, index + 1);
          if (before.state === "ended" || before.state === "failed") {
            expect(status).toBe(before);
            continue;
          }
          retries = next.type === "frame" ? 0 : retries + (next.type === "retry" ? 1 : 0);
          expectPromises(before, next, status, retries);
        }
      }),
    );
  });

  it("does not change for the second of two frames or of two silences", () => {
    const streaming = reduceStatus(initialStatus(0), { type: "frame" }, 1);
    expect(reduceStatus(streaming, { type: "frame" }, 2)).toBe(streaming);
    const stale = reduceStatus(streaming, { type: "stale" }, 3);
    expect(reduceStatus(stale, { type: "stale" }, 4)).toBe(stale);
  });
});
