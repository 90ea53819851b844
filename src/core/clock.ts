/** Time as the program sees it; injected, so that tests set it. */
export interface Clock {
  /** Milliseconds since the epoch; may jump when the system's time is set. */
  now(): number;
  /** Milliseconds from an arbitrary origin; never goes back. For intervals. */
  monotonic(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};

/** A clock that stands still until it is told to go on. */
export interface ManualClock extends Clock {
  /** Lets `durationMs` (>= 0) pass on both scales. */
  advance(durationMs: number): void;
  /** Sets the wall clock alone, as an administrator or NTP does. */
  setNow(epochMs: number): void;
}

export const createManualClock = (startMs = 0): ManualClock => {
  let wallMs = startMs;
  let monotonicMs = 0;
  return {
    now: () => wallMs,
    monotonic: () => monotonicMs,
    advance(durationMs) {
      if (!(durationMs >= 0)) throw new RangeError(`a clock cannot go back by ${durationMs} ms`);
      wallMs += durationMs;
      monotonicMs += durationMs;
    },
    setNow(epochMs) {
      wallMs = epochMs;
    },
  };
};
