import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it, vi } from "vitest";
import { register } from "../../src/cli/jobs.js";
import { createProgram, describeFailure } from "../../src/cli/program.js";
import { laboratoryPaths, openJournal } from "../../src/store/index.js";
import { jobJournal, parseJobEvent } from "../../src/training/jobs/jobRun.js";

const folders: string[] = [];
afterEach(() => Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true }))));

const id = "20260131-223000123-0a1b2c";

/** A data directory with a training that a daemon left unfinished. */
const withJob = async (): Promise<string> => {
  const root = await mkdtemp(join(tmpdir(), "cytostream-jobs-"));
  folders.push(root);
  const path = jobJournal(join(laboratoryPaths(root).jobs, id));
  await using journal = await openJournal(path, parseJobEvent);
  await journal.append({ kind: "queued", id, atMs: 5, reason: "40 fields are enough.", fields: 40 });
  await journal.append({ kind: "at", step: "detector", done: 0.5 });
  await journal.append({ kind: "interrupted" });
  return root;
};

const jobs = async (root: string, ...words: readonly string[]) => {
  let stdout = "";
  const write = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    stdout += text;
    return true;
  });
  try {
    const program = createProgram("0.1.0");
    register(program);
    await program.parseAsync(["node", "cytostream", "jobs", ...words, "--data-dir", root]);
    return { stdout, failure: undefined };
  } catch (error) {
    return { stdout, failure: describeFailure(error, false) };
  } finally {
    write.mockRestore();
  }
};

it("tells of trainings in the files of a data directory where no daemon works", async () => {
  const root = await withJob();
  expect((await jobs(root, "list")).stdout).toMatch(
    new RegExp(`^${id}  queued +detector, 55 % of the whole; 40 fields`),
  );
  const shown = JSON.parse((await jobs(root, "show", id, "--json")).stdout);
  expect(shown).toMatchObject({ id, state: "queued", step: "detector", attempt: 1, losses: [], samples: [] });
  const { failure } = await jobs(root, "show", "20260131-223000123-ffffff");
  expect(failure).toMatchObject({ exitCode: 65 });
  expect(failure!.lines[0]).toMatch(/^JOB_NOT_FOUND/);
});

it("pauses, resumes and cancels for whoever opens the directory next", async () => {
  const root = await withJob();
  const stateAfter = async (wish: string) => JSON.parse((await jobs(root, wish, id, "--json")).stdout);
  expect(await stateAfter("pause")).toMatchObject({ state: "paused", pausedBy: "asked" });
  expect(await stateAfter("resume")).toMatchObject({ state: "queued" });
  expect(await stateAfter("cancel")).toMatchObject({ state: "cancelled" });
  expect((await jobs(root, "cancel", id)).failure!.lines[0]).toMatch(/^JOB_ENDED/);
});

it("refuses to begin one on no labels", { timeout: 120_000 }, async () => {
  const root = await mkdtemp(join(tmpdir(), "cytostream-jobs-"));
  folders.push(root);
  const { failure } = await jobs(root, "start");
  expect(failure!.lines[0]).toMatch(/^JOB_NO_LABELS/);
});
