import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { openJobDesk } from "../../src/training/jobs/index.js";
import { readVitals } from "../../src/training/jobs/vitals.js";
import { processesBelow } from "../integration/program.js";
import { jobWhere, openToyLaboratory, processOf, type ToyLaboratory } from "../training/jobs/toyLaboratory.js";
import { pass, tell, times } from "./counts.js";

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

const laboratory = async (options: Parameters<typeof openToyLaboratory>[1]): Promise<ToyLaboratory> => {
  const folder = await mkdtemp(join(tmpdir(), "cytostream-jobs-"));
  folders.push(folder);
  return openToyLaboratory(folder, { settings: { retries: 0 }, ...options });
};

/** A process that has ended and was not asked after yet has no memory. */
const isGone = async (pid: number): Promise<boolean> => {
  const vitals = await readVitals(pid);
  return vitals === undefined || vitals.rssMiB === 0;
};

const faults = {
  killed: { code: "JOB_CRASHED", signal: "SIGKILL" },
  hung: { code: "JOB_HUNG", signal: "SIGSTOP" },
  "out of memory": { code: "JOB_OUT_OF_MEMORY", signal: undefined },
} as const;

describe("a training that fails", () => {
  const rounds = times(50, 2);

  it.each(Object.entries(faults))(
    `is settled within 30 s and leaves no process: %s, ${rounds} times (promise 22)`,
    async (name, { code, signal }) => {
      // The limits of the program itself, but for the memory, which this training shall not have.
      const limits = {
        yields: false,
        ...(signal === undefined ? { memoryMiB: 40 } : {}),
        hungMs: 20_000,
        watchMs: 500,
      };
      const toy = await laboratory({ limits });
      await using desk = await openJobDesk(toy.options);
      const below = new Set(processesBelow(process.pid));
      const waits: number[] = [];
      for (let round = 0; round < rounds; round++) {
        const { id } = await desk.start("the test");
        await jobWhere(desk, id, ({ state }) => state === "running");
        const pid = await processOf(toy, id);
        // At any step of the work.
        if (signal !== undefined) await jobWhere(desk, id, ({ done }) => done > 0.02 + 0.2 * (round % 4));
        const startedMs = performance.now();
        if (signal !== undefined) process.kill(pid, signal);
        await desk.settled();
        waits.push(performance.now() - startedMs);
        expect(await desk.show(id)).toMatchObject({ state: "failed", failure: { code } });
        expect(await isGone(pid)).toBe(true);
      }
      await pass(200);
      const orphans = processesBelow(process.pid).filter((pid) => !below.has(pid));
      tell(22, { fault: name, rounds, worstMs: Math.max(...waits), orphans: orphans.length });
      expect(Math.max(...waits)).toBeLessThan(30_000);
      expect(orphans).toEqual([]);
      expect(toy.promoted).toEqual([]);
    },
  );
});
