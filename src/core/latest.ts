import { from, Observable, type ObservableInput, type OperatorFunction, type Subscription } from "rxjs";
import { BoundedQueue } from "./boundedQueue.js";

/**
 * Why a value was dropped. `superseded`: newer ones came while it waited; `busy`: nothing may wait (capacity 0);
 * `cancelled`: the stream ended by an error or by its subscriber while the value waited or was being worked on.
 */
export type DropCause = "superseded" | "busy" | "cancelled";

export interface LatestOptions<T> {
  /** Values worked on at the same time. */
  readonly concurrency?: number;
  /** Results leave in the order of their values; a place is free again only when those of earlier values are. */
  readonly ordered?: boolean;
  /** Called once for each value that will have no (whole) result. Must not throw. */
  readonly onDrop?: (value: T, cause: DropCause) => void;
  /**
   * Called once for each other value, when its place is free for the next one: in an ordered stream, when the places of the
   * values before it are. Must not throw.
   */
  readonly onDone?: (value: T) => void;
  /** Called with the number of waiting values whenever it changes. */
  readonly onDepth?: (waiting: number) => void;
}

interface Slot<T, R> {
  readonly value: T;
  readonly results: R[];
  finished: boolean;
  subscription: Subscription | undefined;
}

/**
 * The one lossy operator: the newest-frame mailbox before slow work. At most `concurrency` values are worked on by `project`
 * and at most `capacity` of the newest wait; an older one that must make room is dropped and reported. A completed source
 * drains. The queue and the work are bounded whatever the source's rate: given = worked on + dropped.
 *
 * A value's results leave when its work has completed, and the next value's work begins before they do: what is done with
 * a result downstream does not keep the work waiting.
 *
 * @param capacity values that may wait, >= 0
 */
export const latest =
  <T, R>(
    capacity: number,
    project: (value: T) => ObservableInput<R>,
    options: LatestOptions<T> = {},
  ): OperatorFunction<T, R> =>
  (source$) =>
    new Observable<R>((subscriber) => {
      const concurrency = options.concurrency ?? 1;
      const ordered = options.ordered ?? false;
      const waiting = new BoundedQueue<T>(capacity);
      const slots: Slot<T, R>[] = [];
      let sourceDone = false;
      let closed = false;
      /** Results on their way out, in order. Not empty only while `release` runs. */
      const leaving: R[] = [];
      let emitting = false;

      const drop = (value: T, cause: DropCause): void => options.onDrop?.(value, cause);
      const depthChanged = (): void => options.onDepth?.(waiting.length);

      const fail = (error: unknown): void => {
        if (!closed) subscriber.error(error);
      };

      /** Takes the places of what has finished, and leaves its results in `leaving`. */
      const clearFinished = (): void => {
        for (let index = 0; index < slots.length; ) {
          if (slots[index]!.finished) {
            const [{ value, results }] = slots.splice(index, 1) as [Slot<T, R>];
            leaving.push(...results);
            options.onDone?.(value);
          } else if (ordered) return;
          else index++;
        }
      };

      const emit = (): void => {
        if (emitting) return;
        emitting = true;
        while (!closed && leaving.length > 0) subscriber.next(leaving.shift() as R);
        emitting = false;
      };

      const release = (): void => {
        clearFinished();
        while (!closed && slots.length < concurrency && waiting.length > 0) {
          const value = waiting.shift() as T;
          depthChanged();
          start(value);
        }
        emit();
        const idle = slots.length === 0 && waiting.length === 0 && leaving.length === 0;
        if (!closed && sourceDone && idle) subscriber.complete();
      };

      const start = (value: T): void => {
        const slot: Slot<T, R> = { value, results: [], finished: false, subscription: undefined };
        slots.push(slot);
        let work$: Observable<R>;
        try {
          work$ = from(project(value));
        } catch (error) {
          fail(error);
          return;
        }
        const subscription = work$.subscribe({
          next: (result) => slot.results.push(result),
          error: fail,
          complete: () => {
            slot.finished = true;
            release();
          },
        });
        slot.subscription = subscription;
        if (closed) subscription.unsubscribe();
      };

      subscriber.add(() => {
        closed = true;
        for (const slot of slots.splice(0)) {
          slot.subscription?.unsubscribe();
          if (slot.finished) options.onDone?.(slot.value);
          else drop(slot.value, "cancelled");
        }
        for (const value of waiting.drain()) drop(value, "cancelled");
        depthChanged();
      });

      subscriber.add(
        source$.subscribe({
          next: (value) => {
            if (slots.length < concurrency && waiting.length === 0) {
              start(value);
              return;
            }
            const evicted = waiting.push(value);
            if (evicted !== undefined) drop(evicted, capacity === 0 ? "busy" : "superseded");
            depthChanged();
          },
          error: fail,
          complete: () => {
            sourceDone = true;
            release();
          },
        }),
      );
    });
