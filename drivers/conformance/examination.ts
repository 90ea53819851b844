import { setTimeout as delay } from "node:timers/promises";
import { CytoError, errorTable } from "../../src/core/index.js";

export interface ConformanceCheck {
  readonly name: string;
  /** @throws CytoError DRIVER_INVALID saying what is wrong */
  run(): Promise<void>;
}

export interface ConformanceResult {
  readonly name: string;
  /** Missing where the check was passed. */
  readonly error?: CytoError;
}

/** A source that cannot be opened, and the codes that are right for it. */
export interface BadSource {
  readonly source: string | undefined;
  readonly codes: readonly string[];
}

export const fail = (why: string, context: Readonly<Record<string, unknown>> = {}): never => {
  throw new CytoError("DRIVER_INVALID", why, { context });
};

/** @throws CytoError DRIVER_INVALID where the work takes longer; what it throws itself */
export async function inTime<T>(what: string, work: PromiseLike<T>, deadlineMs: number): Promise<T> {
  const stop = new AbortController();
  const deadline = delay(deadlineMs, undefined, { signal: stop.signal }).then(
    () => fail(`${what} took longer than ${deadlineMs} ms.`),
    () => new Promise<never>(() => {}),
  );
  try {
    return await Promise.race([work, deadline]);
  } finally {
    stop.abort();
  }
}

/** Passed where the work is refused by one of the codes. */
export async function refusedBy(
  what: string,
  work: () => Promise<unknown>,
  codes: readonly string[] | undefined,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof CytoError)) return fail(`${what} gives a foreign error (${String(error)}).`);
    if (error.code === "DRIVER_INVALID" && !codes?.includes("DRIVER_INVALID")) throw error;
    if (!(error.code in errorTable) || (codes !== undefined && !codes.includes(error.code)))
      fail(`${what} gives ${error.code}: ${error.message}`, { expected: codes });
    return;
  }
  fail(`${what} is accepted.`);
}

/** What keeps the process alive, by kind and number. */
function activeResources(): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) {
    // Timers are the examination's own as well; what a driver leaves running shows in its other resources.
    if (kind === "Timeout" || kind === "Immediate") continue;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}

const surplus = (before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): string[] =>
  [...after].filter(([kind, count]) => count > (before.get(kind) ?? 0)).map(([kind]) => kind);

/** Handles come and go a few turns of the event loop after what asked for it. */
const settleMs = 50;

/** Opens and closes again and again, and looks what stays. */
export async function leavesNothingOf(round: () => Promise<void>, deadlineMs: number): Promise<void> {
  // The first round may load and start what is kept for good.
  await round();
  await delay(settleMs);
  const before = activeResources();
  for (let count = 0; count < 3; count++) await round();
  await delay(settleMs);
  const untilMs = performance.now() + deadlineMs;
  while (surplus(before, activeResources()).length > 0) {
    if (performance.now() > untilMs) fail(`It leaves behind: ${surplus(before, activeResources()).join(", ")}.`);
    await delay(10);
  }
}

/** Runs all checks, one after the other, whatever fails. Never throws. */
export async function runAll(
  checks: readonly ConformanceCheck[],
  tell?: (result: ConformanceResult) => void,
): Promise<readonly ConformanceResult[]> {
  const results: ConformanceResult[] = [];
  for (const { name, run } of checks) {
    let result: ConformanceResult = { name };
    try {
      await run();
    } catch (error) {
      result = { name, error: CytoError.from(error, "DRIVER_INVALID") };
    }
    results.push(result);
    tell?.(result);
  }
  return results;
}
