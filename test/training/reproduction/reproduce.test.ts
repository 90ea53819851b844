import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { modelsDirectory } from "../../../src/core/index.js";
import { onnxruntimeEngine } from "../../../src/engine/index.js";
import { findModel } from "../../../src/registry/index.js";
import {
  assembleTable,
  defaultReproductionSettings,
  performRuns,
  type RunRequest,
  table2Plan,
  table4Plan,
} from "../../../src/training/reproduction/index.js";
import { writeToyLaboratory } from "./toyLaboratory.js";

let root: string;
let features: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cytostream-reproduce-"));
  features = await findModel(modelsDirectory(), "features");
  const counts = { train: 21, val: 14 };
  await writeToyLaboratory({ folder: join(root, "named"), ...counts, background: [250, 226, 200], named: true });
  await writeToyLaboratory({ folder: join(root, "other"), ...counts, background: [225, 225, 235], named: false });
});
afterAll(() => rm(root, { recursive: true, force: true }));

const settings = {
  ...defaultReproductionSettings,
  painterSteps: 2,
  detectorSteps: 3,
  cellsSteps: 2,
  canvasPx: 64,
  batch: 2,
  painterSidePx: 64,
  painterBatch: 1,
  madeFields: 7,
  mostFields: 7,
};

/** A request, and what is told of the runs. */
const requestOf = (out: string, more: Partial<RunRequest> & Pick<RunRequest, "plan">) => {
  const told: string[] = [];
  const request: RunRequest = {
    out: join(root, out),
    data: {
      all: [join(root, "named"), join(root, "other")],
      named: [join(root, "named")],
      other: [join(root, "other")],
    },
    scales: {},
    settings,
    features,
    engine: onnxruntimeEngine({ intraOpThreads: 2 }),
    threads: 2,
    redo: false,
    command: "cytostream reproduce",
    listener: { loaded: () => undefined, step: () => undefined, stage: () => undefined },
    progress: { run: (name, state) => void told.push(`${name} ${state}`) },
    ...more,
  };
  return { request, told };
};

describe("table 2", () => {
  const plan = table2Plan({ seeds: [1], paintings: ["flat", "l1", "mcgan"] });

  it("trains what is missing, scores it and goes on after a stop", async () => {
    const stop = new AbortController();
    const first = requestOf("table2", { plan, signal: stop.signal });
    const step = () => stop.abort();
    expect(await performRuns({ ...first.request, listener: { ...first.request.listener, step } })).toBe(false);
    expect(first.told).toEqual([
      "pictures-flat-1 begins",
      "pictures-flat-1 done",
      "painter-l1-all-all-1 begins",
      "painter-l1-all-all-1 stopped",
    ]);
    const half = await assembleTable("table2", plan, first.request.out);
    expect(half.missing).toContain("painter-l1-all-all-1");

    const second = requestOf("table2", { plan });
    expect(await performRuns(second.request)).toBe(true);
    expect(second.told.slice(0, 3)).toEqual([
      "pictures-flat-1 found",
      "painter-l1-all-all-1 begins",
      "painter-l1-all-all-1 done",
    ]);

    const third = requestOf("table2", { plan });
    expect(await performRuns(third.request)).toBe(true);
    expect(third.told.every((line) => line.endsWith(" found"))).toBe(true);

    // Stopped or not: the same figures.
    const unstopped = requestOf("table2-at-once", { plan });
    await performRuns({ ...unstopped.request, only: ["pictures-l1-1"] });
    const figures = async (out: string): Promise<unknown> =>
      JSON.parse(await readFile(join(root, out, "runs", "pictures-l1-1", "result.json"), "utf8")).figures;
    expect(await figures("table2-at-once")).toEqual(await figures("table2"));

    const whole = await assembleTable("table2", plan, second.request.out);
    expect(whole.missing).toEqual([]);
    expect(whole.remarks).toEqual([]);
    expect(whole.text).toContain("MCGAN");
    expect(await readFile(join(second.request.out, "table2.md"), "utf8")).toContain("| flat paint |");
    const csv = (await readFile(join(second.request.out, "table2.csv"), "utf8")).trim().split("\n");
    expect(csv).toHaveLength(1 + 3);
    expect((await stat(join(second.request.out, "table2.png"))).size).toBeGreaterThan(1000);
    expect(await readdir(join(second.request.out, "runs", "painter-mcgan-all-all-1"))).not.toContain("checkpoint.bin");
  }, 300_000);

  it("refuses runs that were begun with other settings, and makes them anew when told so", async () => {
    const only = ["pictures-flat-1"];
    const { request } = requestOf("changed", { plan, only });
    await performRuns(request);
    const changed = { ...request, settings: { ...settings, mostFields: 5 } };
    await expect(performRuns(changed)).rejects.toMatchObject({
      code: "CHECKPOINT_INVALID",
      message: expect.stringContaining("settings.mostFields was 7, is 5"),
    });
    expect(await performRuns({ ...changed, redo: true })).toBe(true);
  }, 60_000);

  it("names no run that there is not", async () => {
    const { request } = requestOf("none", { plan, only: ["pictures-none-1"] });
    await expect(performRuns(request)).rejects.toMatchObject({ code: "USAGE" });
  });
});

describe("table 4", () => {
  it("scores arms in regimes; what two of them need is made once", async () => {
    const stain = table4Plan({ seeds: [1], regimes: ["stain"], arms: ["rd", "pix2pix"], alone: false });
    const { request, told } = requestOf("table4", { plan: stain });
    expect(await performRuns(request)).toBe(true);
    const rare = table4Plan({ seeds: [1], regimes: ["rare"], arms: ["copy-paste"], alone: false });
    expect(await performRuns({ ...request, plan: rare })).toBe(true);
    expect(told).toContain("detector-rd-named-all-1 found");

    const both = table4Plan({
      seeds: [1],
      regimes: ["rare", "stain"],
      arms: ["rd", "pix2pix", "copy-paste"],
      alone: false,
    });
    const { rows, missing, remarks, files } = await assembleTable("table4", both, request.out);
    expect(missing).toContain("cells-rd-named-rare-1");
    expect(remarks).toEqual([]);
    expect(rows).toHaveLength(6);
    expect(files.map((file) => file.split("table4").at(-1))).toEqual([".md", ".csv", ".png"]);
    const csv = await readFile(join(request.out, "table4.csv"), "utf8");
    expect(csv).toMatch(/^rare,copy-paste,false,named,1,raw,named,basophil,1,/m);
    expect(csv).toMatch(/^stain,pix2pix,false,other,1,raw,density,platelet,7,/m);
  }, 300_000);
});
