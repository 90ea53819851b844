import { readFile } from "node:fs/promises";

/** What the system knows of a process. */
export interface Vitals {
  readonly rssMiB: number;
  /** Of its main thread: R (runs or would), S (waits), D, T (stopped), Z … */
  readonly state: string;
  /** Time that its main thread has computed, ms. */
  readonly mainCpuMs: number;
  /** When it began, in ticks since the machine did: a process id that was given again has another. */
  readonly startTime: string;
}

/** Ticks a second in /proc, the same on all Linux machines of today. */
const ticksPerSecond = 100;

/** Fields of a `stat` file behind the name, which may hold blanks and brackets. */
const statFields = (text: string): readonly string[] => text.slice(text.lastIndexOf(")") + 2).split(" ");

/** Undefined where there is no such process, or the system has no /proc. */
export const readVitals = async (pid: number): Promise<Vitals | undefined> => {
  try {
    const [whole, main, status] = await Promise.all([
      readFile(`/proc/${pid}/stat`, "utf8"),
      readFile(`/proc/${pid}/task/${pid}/stat`, "utf8"),
      readFile(`/proc/${pid}/status`, "utf8"),
    ]);
    const fields = statFields(main);
    const ticks = Number(fields[11]) + Number(fields[12]);
    return {
      rssMiB: Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024,
      state: fields[0] ?? "?",
      mainCpuMs: (1000 * ticks) / ticksPerSecond,
      startTime: statFields(whole)[19] ?? "",
    };
  } catch {
    return undefined;
  }
};
