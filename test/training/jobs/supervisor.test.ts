import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { launchOf } from "../../../src/core/index.js";
import { openJobDesk } from "../../../src/training/jobs/index.js";
import { readVitals } from "../../../src/training/jobs/vitals.js";
import { temporaryFolders } from "../../registry/modelFixture.js";
import { eventsOf, jobWhere, openToyLaboratory, processOf, type ToyLaboratory, toySizes } from "./toyLaboratory.js";

const temporaryFolder = temporaryFolders();
const slow = 240_000;

/** A process that has ended and was not asked after yet has no memory. */
const isGone = async (pid: number): Promise<boolean> => {
  const vitals = await readVitals(pid);
  return vitals === undefined || vitals.rssMiB === 0;
};

const lossesSeen = async (desk: Awaited<ReturnType<typeof openJobDesk>>, id: string): Promise<number> =>
  Math.max(0, ...(await desk.show(id)).losses.map(({ step }) => step));

describe("the supervisor of a training", () => {
  it("brings it to its end through a live scan, a kill, a hang and a restart of the daemon", {
    timeout: slow,
  }, async () => {
    const laboratory = await openToyLaboratory(await temporaryFolder(), {
      sizes: { ...toySizes, detectorSteps: 40, painted: 0 },
      limits: { yields: false, startMs: 60_000, hungMs: 6000, watchMs: 200, restMs: 60_000 },
    });
    const learns = (attempt: number, beyond: number) => (job: { done: number; attempt: number; state: string }) =>
      job.attempt === attempt && job.state === "running" && job.done > beyond;
    laboratory.setLive(true);
    const desk = await openJobDesk(laboratory.options);
    const { id } = await desk.start("the test");
    expect(await desk.show(id)).toMatchObject({ state: "paused", pausedBy: "live" });
    laboratory.setLive(false);
    await jobWhere(desk, id, learns(1, 0.24));

    // A scan begins: it rests by itself, between two steps, and goes on only when both holders have let go.
    await desk.pause(id, true);
    laboratory.setLive(true);
    expect((await desk.show(id)).pausedBy).toBe("asked");
    laboratory.setLive(false);
    await desk.pause(id, false);
    await jobWhere(desk, id, ({ state }) => state === "running");

    // Killed: it goes on from its checkpoint.
    const first = await processOf(laboratory, id);
    const before = await lossesSeen(desk, id);
    const { done } = await desk.show(id);
    process.kill(first, "SIGKILL");
    await jobWhere(desk, id, learns(2, done));
    expect(await isGone(first)).toBe(true);

    // It stands still: told by its silence, and ended.
    const second = await processOf(laboratory, id);
    process.kill(second, "SIGSTOP");
    const stood = await desk.show(id);
    await jobWhere(desk, id, learns(3, stood.done));
    expect(await isGone(second)).toBe(true);

    // The daemon ends in order and comes back: no other attempt.
    await desk[Symbol.asyncDispose]();
    expect(await isGone(await processOf(laboratory, id))).toBe(true);
    await using again = await openJobDesk(laboratory.options);
    await again.settled();
    expect(await again.show(id)).toMatchObject({ state: "done", attempt: 3, done: 1, candidate: "unet@1.3.0-lab.1" });
    expect(before).toBeGreaterThan(0);
    const events = await eventsOf(laboratory, id);
    const losses = events.flatMap((event) => (event.kind === "lost" ? [event.code] : []));
    expect(losses).toEqual(["JOB_CRASHED", "JOB_HUNG"]);
    expect(laboratory.promoted).toHaveLength(1);
  });

  it("gives up where each try crashes, and says so", { timeout: slow }, async () => {
    const laboratory = await openToyLaboratory(await temporaryFolder(), { settings: { retries: 1 } });
    await using desk = await openJobDesk(laboratory.options);
    const killed = new Set<number>();
    desk.onChange((job) => {
      if (job.state !== "running") return;
      void processOf(laboratory, job.id).then((pid) => {
        if (killed.has(pid)) return;
        killed.add(pid);
        process.kill(pid, "SIGKILL");
      });
    });
    const { id } = await desk.start("the test");
    await desk.settled();
    expect(await desk.show(id)).toMatchObject({ state: "failed", attempt: 2, failure: { code: "JOB_CRASHED" } });
    await expect(desk.pause(id, true)).rejects.toMatchObject({ code: "JOB_ENDED" });
    await expect(desk.cancel(id)).rejects.toMatchObject({ code: "JOB_ENDED" });
    await expect(desk.show("nothing")).rejects.toMatchObject({ code: "JOB_NOT_FOUND" });
    expect(laboratory.promoted).toEqual([]);
  });

  it("ends one that takes more memory than it may, and one that is cancelled", { timeout: slow }, async () => {
    const laboratory = await openToyLaboratory(await temporaryFolder(), { limits: { memoryMiB: 40, yields: false } });
    const { limits: _, ...roomy } = laboratory.options;
    {
      await using desk = await openJobDesk(laboratory.options);
      const { id } = await desk.start("the test");
      await desk.settled();
      expect(await desk.show(id)).toMatchObject({
        state: "failed",
        attempt: 1,
        failure: { code: "JOB_OUT_OF_MEMORY" },
      });
      expect(await isGone(await processOf(laboratory, id))).toBe(true);
    }
    await using desk = await openJobDesk(roomy);
    const { id } = await desk.start("the test");
    await jobWhere(desk, id, ({ state }) => state === "running");
    expect(await desk.cancel(id)).toMatchObject({ state: "cancelled" });
    expect(await isGone(await processOf(laboratory, id))).toBe(true);
    expect((await desk.list()).map(({ state }) => state)).toEqual(["cancelled", "failed"]);
  });

  it("leaves no process behind when the daemon is killed, and goes on afterwards", { timeout: slow }, async () => {
    const folder = await temporaryFolder();
    const launch = launchOf(new URL("./toyDaemon.js", import.meta.url));
    const daemon = fork(fileURLToPath(launch.url), [folder], { execArgv: [...launch.execArgv] });
    const [{ root, id, pid }] = (await once(daemon, "message")) as [{ root: string; id: string; pid: number }];
    daemon.kill("SIGKILL");
    await once(daemon, "exit");
    while (!(await isGone(pid))) await new Promise(setImmediate);
    const laboratory: ToyLaboratory = await openToyLaboratory(folder);
    expect(laboratory.paths.root).toBe(root);
    await using desk = await openJobDesk(laboratory.options);
    await desk.settled();
    expect(await desk.show(id)).toMatchObject({ state: "done", attempt: 2 });
  });
});
