/** What the composition root needs besides the stations: how the daemon is doing, and results as they are published. */
export { type CountedFrame, cellTotals, fieldMessages } from "./messages.js";
export { Progress, type ProgressOptions } from "./progress.js";
export { RateMeter, RecentMedian } from "./rateMeter.js";
