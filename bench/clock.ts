const nanosecondsPerMs = 1e6;

/** Milliseconds of one monotonic clock, the same in all threads and processes of the machine. */
export const clockMs = (): number => Number(process.hrtime.bigint()) / nanosecondsPerMs;
