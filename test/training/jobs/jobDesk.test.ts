import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readGoldenFields, verifyModel } from "../../../src/registry/index.js";
import { openJobDesk } from "../../../src/training/jobs/index.js";
import { temporaryFolders } from "../../registry/modelFixture.js";
import { openToyLaboratory } from "./toyLaboratory.js";

const temporaryFolder = temporaryFolders();

describe("a training from labelled fields to a candidate", () => {
  it("freezes, splits, paints, trains on, compares, and hands the candidate to the gate", {
    timeout: 240_000,
  }, async () => {
    const laboratory = await openToyLaboratory(await temporaryFolder(), { painter: true });
    await using desk = await openJobDesk(laboratory.options);
    const begun = await desk.start("the test");
    expect(begun).toMatchObject({ state: "queued", attempt: 1, fields: 16, reason: "Asked for by the test." });
    await expect(desk.start("again")).rejects.toMatchObject({ code: "JOB_RUNNING" });
    await desk.settled();
    const job = await desk.show(begun.id);
    const log = await readFile(join(laboratory.paths.jobs, begun.id, "job.log"), "utf8");
    expect(job, log).toMatchObject({ state: "done", step: "gate", done: 1, attempt: 1, candidate: "unet@1.3.0-lab.1" });
    expect(laboratory.promoted).toEqual(["unet@1.3.0-lab.1"]);
    const folder = join(laboratory.paths.models, "unet", "1.3.0-lab.1");
    await expect(verifyModel(folder)).resolves.toBeDefined();
    const lineage = JSON.parse(await readFile(join(folder, "lineage.json"), "utf8"));
    expect(lineage).toMatchObject({ parent: "unet@1.2.0", job: begun.id, seed: 1, codeVersion: "0.0.0" });
    expect((await readGoldenFields(folder))!.length).toBeGreaterThan(0);
    const [comparison] = laboratory.compared;
    expect(comparison!.fields.length).toBeGreaterThanOrEqual(3);
    expect(comparison!.fields.every(({ set }) => set === "validation")).toBe(true);
    expect(job.losses.map(({ name }) => name)).toContain("detector.loss");
    expect(job.samples).toEqual(["painted-01.png"]);
    const sample = await desk.sample(begun.id, "painted-01.png");
    expect(new TextDecoder().decode(sample.subarray(1, 4))).toBe("PNG");
    expect(await readdir(join(laboratory.paths.jobs, begun.id))).toContain("job.journal");
  });
});
