import fc from "fast-check";
import { concat, defer, NEVER, type Observable, of, throwError, timer } from "rxjs";
import { map, switchMap } from "rxjs/operators";
import { TestScheduler } from "rxjs/testing";
import { describe, expect, it } from "vitest";
import {
  backoffDelayMs,
  CytoError,
  type RetryNotice,
  type RetryOptions,
  retryWithBackoff,
} from "../../src/core/index.js";

const scheduler = (): TestScheduler => new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
const unplugged = new CytoError("CAMERA_OPEN_FAILED", "unplugged");
const fail$ = throwError(() => unplugged);
const plain = { initialDelayMs: 2, maxDelayMs: 8, jitter: 0, random: () => 0.5 };

/** Subscribes to `attempts` one after the other, then to a source that never ends. */
const sequence = (attempts: readonly Observable<string>[]): Observable<string> => {
  let next = 0;
  return defer(() => attempts[next++] ?? NEVER);
};

describe("retryWithBackoff", () => {
  it("waits longer and longer, up to its cap, and names the cause", () => {
    const notices: RetryNotice[] = [];
    scheduler().run(({ expectObservable }) => {
      const source$ = sequence([fail$, fail$, fail$, fail$, of("a")]);
      // 2 + 4 + 8 + 8
      expectObservable(source$.pipe(retryWithBackoff({ ...plain, onRetry: (n) => notices.push(n) }))).toBe("22ms (a|)");
    });
    expect(notices.map(({ attempt, delayMs, cause }) => [attempt, delayMs, cause.code])).toEqual([
      [1, 2, "CAMERA_OPEN_FAILED"],
      [2, 4, "CAMERA_OPEN_FAILED"],
      [3, 8, "CAMERA_OPEN_FAILED"],
      [4, 8, "CAMERA_OPEN_FAILED"],
    ]);
  });

  const worksFor = (ms: number): Observable<string> => concat(of("a"), timer(ms).pipe(switchMap(() => fail$)));

  it("begins anew only after the source has worked for a while", () => {
    const delays = (ms: number): number[] => {
      const notices: number[] = [];
      scheduler().run(({ flush }) => {
        const options: RetryOptions = { ...plain, resetAfterMs: 5, onRetry: (n) => notices.push(n.delayMs) };
        sequence([fail$, fail$, worksFor(ms), of("b")])
          .pipe(retryWithBackoff(options))
          .subscribe();
        flush();
      });
      return notices;
    };
    expect(delays(10)).toEqual([2, 4, 2]);
    expect(delays(1)).toEqual([2, 4, 8]);
  });

  it("passes on what no retry can mend, and gives up after its attempts", () => {
    const lost = new CytoError("CAMERA_NOT_FOUND", "no such camera");
    scheduler().run(({ expectObservable }) => {
      const absent$ = throwError(() => lost);
      expectObservable(absent$.pipe(retryWithBackoff(plain))).toBe("#", undefined, lost);
      expectObservable(fail$.pipe(retryWithBackoff({ ...plain, maxAttempts: 2 }))).toBe("6ms #", undefined, unplugged);
      const stubborn = { ...plain, isRetryable: () => true };
      expectObservable(sequence([absent$, of("a")]).pipe(retryWithBackoff(stubborn))).toBe("2ms (a|)");
    });
  });

  it("wraps foreign errors", () => {
    const seen: unknown[] = [];
    throwError(() => new TypeError("odd"))
      .pipe(retryWithBackoff(plain))
      .subscribe({ error: (error) => seen.push(error) });
    expect(seen).toMatchObject([{ code: "INTERNAL", message: "odd" }]);
  });

  it("counts anew for each subscriber", () => {
    scheduler().run(({ expectObservable }) => {
      const make = () => sequence([fail$, fail$, of("a")]).pipe(map((v) => v));
      const retried = (source$: Observable<string>) => source$.pipe(retryWithBackoff(plain));
      expectObservable(retried(make())).toBe("6ms (a|)");
      expectObservable(retried(make())).toBe("6ms (a|)");
    });
  });

  it("keeps each delay between its least and its cap", () => {
    const options = fc.record({
      initialDelayMs: fc.integer({ min: 1, max: 1000 }),
      maxDelayMs: fc.integer({ min: 1, max: 60_000 }),
      factor: fc.double({ min: 1, max: 10, noNaN: true }),
      jitter: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(
        options,
        fc.integer({ min: 1, max: 2000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (o, attempt, u) => {
          const delayMs = backoffDelayMs(attempt, o, () => u);
          const least = Math.min(o.initialDelayMs, o.maxDelayMs) * (1 - o.jitter);
          expect(delayMs).toBeGreaterThanOrEqual(least * (1 - 1e-9));
          expect(delayMs).toBeLessThanOrEqual(o.maxDelayMs * (1 + 1e-9));
        },
      ),
    );
  });
});
