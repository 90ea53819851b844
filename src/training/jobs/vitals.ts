import { readdir, readFile } from "node:fs/promises";

/** What the system knows of a process. */
export interface Vitals {
  readonly rssMiB: number;
  /** Of its main thread: R (runs or would), S (waits), D, T (stopped), Z … */
  readonly state: string;
  /** Time that each of its threads would have run and was not let, ms, by the thread's id. Empty where the system does not tell. */
  readonly heldUpMs: ReadonlyMap<string, number>;
  /** When it began, in ticks since the machine did: a process id that was given again has another. */
  readonly startTime: string;
}

/** Fields of a `stat` file behind the name, which may hold blanks and brackets. */
const statFields = (text: string): readonly string[] => text.slice(text.lastIndexOf(")") + 2).split(" ");

/** The second number of a thread's `schedstat`: nanoseconds on a run queue (Linux, Documentation/scheduler/sched-stats.rst). */
const heldUpOf = async (pid: number): Promise<ReadonlyMap<string, number>> => {
  const threads = await readdir(`/proc/${pid}/task`);
  const entries = await Promise.all(
    threads.map(async (thread): Promise<[string, number][]> => {
      const text = await readFile(`/proc/${pid}/task/${thread}/schedstat`, "utf8").catch(() => "");
      const waited = Number(text.split(" ")[1]);
      return Number.isFinite(waited) ? [[thread, waited / 1e6]] : [];
    }),
  );
  return new Map(entries.flat());
};

/** How long the thread that was held up longest was, between two readings, ms. */
export const heldUpBetween = (before: Vitals, after: Vitals): number =>
  Math.max(0, ...[...after.heldUpMs].map(([thread, ms]) => ms - (before.heldUpMs.get(thread) ?? 0)));

/** Undefined where there is no such process, or the system has no /proc. */
export const readVitals = async (pid: number): Promise<Vitals | undefined> => {
  try {
    const [stat, status, heldUpMs] = await Promise.all([
      readFile(`/proc/${pid}/stat`, "utf8"),
      readFile(`/proc/${pid}/status`, "utf8"),
      heldUpOf(pid),
    ]);
    return {
      rssMiB: Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024,
      state: statFields(stat)[0] ?? "?",
      heldUpMs,
      startTime: statFields(stat)[19] ?? "",
    };
  } catch {
    return undefined;
  }
};
