import { asyncScheduler, defer, type MonoTypeOperatorFunction, retry, type SchedulerLike, tap, timer } from "rxjs";
import { CytoError } from "./errors.js";

export interface BackoffOptions {
  readonly initialDelayMs: number;
  readonly maxDelayMs: number;
  /** Growth from one delay to the next; 2 unless given. */
  readonly factor?: number;
  /** Share of each delay that is random, 0 (none) to 1 (full jitter); 0.5 unless given. */
  readonly jitter?: number;
}

export interface RetryNotice {
  /** 1 for the first retry since the source last worked. */
  readonly attempt: number;
  readonly delayMs: number;
  /** Why the source failed; its code names the cause. */
  readonly cause: CytoError;
}

export interface RetryOptions extends BackoffOptions {
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly scheduler?: SchedulerLike;
  /** Retries in a row after which the error is passed on; without it, for ever. */
  readonly maxAttempts?: number;
  /** How long the source must have delivered before the delays start from the beginning again; 0 unless given. */
  readonly resetAfterMs?: number;
  /** Unless given: what the error table calls retryable. */
  readonly isRetryable?: (error: CytoError) => boolean;
  readonly onRetry?: (notice: RetryNotice) => void;
}

/**
 * The delay before retry number `attempt` (from 1), in ms: exponential, capped at `maxDelayMs`, of which the share `jitter` is
 * drawn by `random`, so that many clients of one device do not come back together.
 */
export const backoffDelayMs = (attempt: number, options: BackoffOptions, random: () => number): number => {
  const jitter = options.jitter ?? 0.5;
  const exponential = options.initialDelayMs * (options.factor ?? 2) ** (attempt - 1);
  const capped = Math.min(exponential, options.maxDelayMs);
  return capped * (1 - jitter + jitter * random());
};

/**
 * Subscribes to the source again after an error, with capped, jittered exponential backoff. Foreign errors are wrapped. What is
 * not retryable, or failed `maxAttempts` times in a row, is passed on as a CytoError.
 */
export const retryWithBackoff =
  <T>(options: RetryOptions): MonoTypeOperatorFunction<T> =>
  (source$) =>
    defer(() => {
      const scheduler = options.scheduler ?? asyncScheduler;
      const isRetryable = options.isRetryable ?? ((error: CytoError) => error.retryable);
      let attempt = 0;
      let workingSinceMs: number | undefined;
      return source$.pipe(
        tap(() => {
          workingSinceMs ??= scheduler.now();
        }),
        retry({
          delay: (error: unknown) => {
            const cause = CytoError.from(error);
            const worked = workingSinceMs !== undefined;
            if (worked && scheduler.now() - workingSinceMs! >= (options.resetAfterMs ?? 0)) attempt = 0;
            workingSinceMs = undefined;
            attempt++;
            if (!isRetryable(cause) || attempt > (options.maxAttempts ?? Number.POSITIVE_INFINITY)) throw cause;
            const delayMs = backoffDelayMs(attempt, options, options.random);
            options.onRetry?.({ attempt, delayMs, cause });
            return timer(delayMs, scheduler);
          },
        }),
      );
    });
