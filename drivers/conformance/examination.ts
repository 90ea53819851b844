import { readdirSync } from "node:fs";
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

export interface BadSource {
  readonly source: string | undefined;
  /** Each of them is right. */
  readonly codes: readonly string[];
}

export const fail = (why: string, context: Readonly<Record<string, unknown>> = {}): never => {
  throw new CytoError("DRIVER_INVALID", why, { context });
};

/** @throws CytoError DRIVER_INVALID where the work takes longer; it is then still under way */
export async function within<T>(deadlineMs: number, what: string, work: PromiseLike<T>): Promise<T> {
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

/** Uses a bad source and expects one of its codes. */
export async function expectRefusal({ source, codes }: BadSource, use: () => Promise<void>): Promise<void> {
  try {
    await use();
  } catch (error) {
    if (!(error instanceof CytoError)) return fail(`A bad source gives a foreign error (${String(error)}).`);
    if (!(error.code in errorTable) || !codes.includes(error.code)) {
      fail(`A bad source gives ${error.code}: ${error.message}`, { expected: codes });
    }
    return;
  }
  fail(`The bad source ${String(source)} is accepted.`);
}

/** Open files of this process; undefined where the system does not tell. */
function openDescriptors(): number | undefined {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return undefined;
  }
}

/** What keeps the process alive, by kind and number. */
function activeResources(): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) {
    // Timers are the examination's own as well; what a driver leaves running shows in its other resources.
    if (kind === "Timeout" || kind === "Immediate") continue;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  // A serial port is no resource that Node knows of.
  const descriptors = openDescriptors();
  if (descriptors !== undefined) counts.set("open files", descriptors);
  return counts;
}

const surplus = (before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): string[] =>
  [...after].filter(([kind, count]) => count > (before.get(kind) ?? 0)).map(([kind]) => kind);

/** Handles come and go a few turns of the event loop after what asked for it. */
const settleMs = 50;

/** Opens and closes again and again: `round` does it once. */
export async function expectNothingLeft(deadlineMs: number, round: () => Promise<void>): Promise<void> {
  // The first round may load and start what is kept for good.
  await round();
  await delay(settleMs);
  const before = activeResources();
  for (let count = 0; count < 3; count++) await round();
  await delay(settleMs);
  const endMs = performance.now() + deadlineMs;
  for (let left = surplus(before, activeResources()); left.length > 0; left = surplus(before, activeResources())) {
    if (performance.now() > endMs) fail(`It leaves behind: ${left.join(", ")}.`);
    await delay(10);
  }
}

export interface ExamineOptions {
  /** Told of each result as it comes. */
  readonly onResult?: (result: ConformanceResult) => void;
  /** Checks that have not begun when it aborts are not run, and are not among the results. */
  readonly signal?: AbortSignal | undefined;
}

/** Runs the checks, one after the other, whatever fails. Never throws. */
export async function runChecks(
  checks: readonly ConformanceCheck[],
  { onResult, signal }: ExamineOptions = {},
): Promise<readonly ConformanceResult[]> {
  const results: ConformanceResult[] = [];
  for (const { name, run } of checks) {
    if (signal?.aborted) break;
    const result = await run().then(
      (): ConformanceResult => ({ name }),
      (error: unknown): ConformanceResult => ({ name, error: CytoError.from(error, "DRIVER_INVALID") }),
    );
    results.push(result);
    onResult?.(result);
  }
  return results;
}
