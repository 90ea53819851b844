import fc from "fast-check";
import { map, Observable, of, Subject, switchMap, throwError, timer } from "rxjs";
import { TestScheduler } from "rxjs/testing";
import { describe, expect, it } from "vitest";
import { type DropCause, latest } from "../../src/core/index.js";

const scheduler = (): TestScheduler => new TestScheduler((actual, expected) => expect(actual).toEqual(expected));

type Drops = [string, DropCause][];

describe("latest", () => {
  it("passes everything on while the work keeps up", () => {
    scheduler().run(({ hot, expectObservable }) => {
      const drops: Drops = [];
      const source$ = hot("a---b---c---|");
      const result$ = source$.pipe(
        latest(1, (v) => timer(2).pipe(map(() => v)), { onDrop: (v, c) => drops.push([v, c]) }),
      );
      expectObservable(result$).toBe("--a---b---c-|");
      return () => expect(drops).toEqual([]);
    });
  });

  it("keeps the newest and drops what it supersedes", () => {
    const drops: Drops = [];
    scheduler().run(({ hot, expectObservable }) => {
      const source$ = hot("abcde-----|");
      const result$ = source$.pipe(
        latest(1, (v) => timer(6).pipe(map(() => v)), { onDrop: (v, c) => drops.push([v, c]) }),
      );
      expectObservable(result$).toBe("------a-----(e|)");
    });
    expect(drops).toEqual([
      ["b", "superseded"],
      ["c", "superseded"],
      ["d", "superseded"],
    ]);
  });

  it("lets nothing wait at capacity 0", () => {
    const drops: Drops = [];
    scheduler().run(({ hot, expectObservable }) => {
      const result$ = hot("ab-c|").pipe(
        latest(0, (v) => timer(2).pipe(map(() => v)), { onDrop: (v, c) => drops.push([v, c]) }),
      );
      expectObservable(result$).toBe("--a--(c|)");
    });
    expect(drops).toEqual([["b", "busy"]]);
  });

  it("works on several values at a time, and in their order when asked", () => {
    const durations: Record<string, number> = { a: 5, b: 1, c: 1 };
    const work = (v: string) => timer(durations[v]!).pipe(map(() => v));
    scheduler().run(({ hot, expectObservable }) => {
      const source$ = hot("ab--------c--|");
      expectObservable(source$.pipe(latest(1, work, { concurrency: 2 }))).toBe("--b--a-----c-|");
      expectObservable(source$.pipe(latest(1, work, { concurrency: 2, ordered: true }))).toBe("-----(ab)--c-|");
    });
  });

  it("ends with the error of the work, of its making, or of the source, and reports what is lost", () => {
    const run = (project: (v: string) => Observable<string>, source: string, expected: string): Drops => {
      const drops: Drops = [];
      scheduler().run(({ hot, expectObservable }) => {
        const result$ = hot(source).pipe(latest(1, project, { onDrop: (v, c) => drops.push([v, c]) }));
        expectObservable(result$).toBe(expected, undefined, "error");
      });
      return drops;
    };
    const failing = () => timer(3).pipe(switchMap(() => throwError(() => "error")));
    expect(run(failing, "abc------|", "---#")).toEqual([
      ["b", "superseded"],
      ["a", "cancelled"],
      ["c", "cancelled"],
    ]);
    const throwing = (): Observable<string> => {
      throw "error";
    };
    expect(run(throwing, "a--|", "#")).toEqual([["a", "cancelled"]]);
    expect(run(() => of("x"), "a-#", "x-#")).toEqual([]);
  });

  it("begins the next value before a result leaves, and keeps the order though work ends at once", () => {
    const events: string[] = [];
    const source$ = new Subject<number>();
    const first = new Subject<number>();
    const work = (value: number): Observable<number> => {
      events.push(`begin ${value}`);
      return value === 0 ? first : of(value);
    };
    const done = (value: number) => events.push(`done ${value}`);
    const result$ = source$.pipe(latest(2, work, { concurrency: 1, ordered: true, onDone: done }));
    result$.subscribe((value) => events.push(`result ${value}`));
    for (const value of [0, 1, 2]) source$.next(value);
    first.next(0);
    first.complete();
    expect(events.filter((event) => event.startsWith("result"))).toEqual(["result 0", "result 1", "result 2"]);
    expect(events.indexOf("begin 1")).toBeLessThan(events.indexOf("result 0"));
    expect(events.filter((event) => event.startsWith("done"))).toEqual(["done 0", "done 1", "done 2"]);
  });

  it("reports the cancelled when its subscriber leaves, and tells the depth", () => {
    const drops: Drops = [];
    const depths: number[] = [];
    const source$ = new Subject<string>();
    const subscription = source$
      .pipe(
        latest(2, () => new Observable<never>(), {
          onDrop: (v, c) => drops.push([v, c]),
          onDepth: (n) => depths.push(n),
        }),
      )
      .subscribe();
    for (const value of "abcd") source$.next(value);
    subscription.unsubscribe();
    expect(drops).toEqual([
      ["b", "superseded"],
      ["a", "cancelled"],
      ["c", "cancelled"],
      ["d", "cancelled"],
    ]);
    expect(depths).toEqual([1, 2, 2, 0]);
  });

  it("accounts for every value: given = finished + dropped, whatever the rates, and never exceeds its bounds", () => {
    const gap = fc.nat({ max: 4 });
    const plan = fc.array(fc.record({ gap, work: fc.integer({ min: 0, max: 9 }) }), { minLength: 1, maxLength: 30 });
    const bounds = fc.record({
      capacity: fc.nat({ max: 3 }),
      concurrency: fc.integer({ min: 1, max: 3 }),
      ordered: fc.boolean(),
    });
    fc.assert(
      fc.property(plan, bounds, (steps, { capacity, concurrency, ordered }) => {
        const finished: number[] = [];
        const dropped: number[] = [];
        const done: number[] = [];
        let active = 0;
        let completed = false;
        const test = scheduler();
        test.run(() => {
          let atMs = 0;
          const source$ = new Observable<number>((subscriber) => {
            for (const [index, step] of steps.entries()) {
              atMs += step.gap;
              test.schedule(() => subscriber.next(index), atMs);
            }
            test.schedule(() => subscriber.complete(), atMs);
          });
          const work = (index: number) =>
            new Observable<number>((subscriber) => {
              active++;
              expect(active).toBeLessThanOrEqual(concurrency);
              const subscription = timer(steps[index]!.work).subscribe(() => {
                active--;
                subscriber.next(index);
                subscriber.complete();
              });
              return () => subscription.unsubscribe();
            });
          const onDone = (index: number) => {
            done.push(index);
          };
          const options = { concurrency, ordered, onDone, onDrop: (index: number) => dropped.push(index) };
          source$.pipe(latest(capacity, work, options)).subscribe({
            next: (index) => finished.push(index),
            complete: () => {
              completed = true;
            },
          });
        });
        expect(completed).toBe(true);
        expect([...finished, ...dropped].sort((a, b) => a - b)).toEqual(steps.map((_, index) => index));
        expect([...done].sort((a, b) => a - b)).toEqual([...finished].sort((a, b) => a - b));
        if (ordered || concurrency === 1) expect(done).toEqual([...done].sort((a, b) => a - b));
        if (ordered || concurrency === 1) expect(finished).toEqual([...finished].sort((a, b) => a - b));
        if (capacity > 0) expect(finished).toContain(steps.length - 1);
      }),
      { numRuns: 200 },
    );
  });
});
