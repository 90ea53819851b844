import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CellClass, LabelledCell } from "../../../src/core/index.js";
import type { LabelledField } from "../../../src/training/datasets/index.js";
import { detectionFigures } from "../../../src/training/reproduction/detectionScore.js";
import {
  arms,
  assembleTable,
  listRuns,
  paintings,
  regimeNames,
  table2Plan,
  table4Plan,
} from "../../../src/training/reproduction/index.js";
import { choiceOf } from "../../../src/training/reproduction/regimes.js";
import { csvText, markdownText } from "../../../src/training/reproduction/render.js";
import { lockFolder } from "../../../src/training/reproduction/runLock.js";
import { Runs } from "../../../src/training/reproduction/runs.js";
import { spreadOf, spreadText } from "../../../src/training/reproduction/spread.js";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cytostream-tables-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

describe("plans", () => {
  it("name each run once, after those that it needs", () => {
    const plans = [
      table2Plan({ seeds: [1, 2], paintings }),
      table4Plan({ seeds: [1, 2, 3], regimes: regimeNames, arms, alone: true }),
    ];
    for (const plan of plans) {
      const seen = new Set<string>();
      for (const { name, needs } of plan.units) {
        expect(seen.has(name)).toBe(false);
        expect(needs.every((need) => seen.has(need))).toBe(true);
        seen.add(name);
      }
    }
  });

  it("share what is the same in two regimes", () => {
    const plan = table4Plan({ seeds: [1], regimes: ["all", "rare", "stain"], arms: ["rd", "mcgan"], alone: false });
    const needsOf = (name: string) => plan.unit(name)?.needs;
    expect(needsOf("score-rd-stain-1")).toEqual(["detector-rd-named-all-1"]);
    expect(needsOf("score-mcgan-rare-1")).toEqual(["detector-rd-named-all-1", "cells-mcgan-named-rare-1"]);
    expect(needsOf("detector-mcgan-named-stain-1")).toEqual(["painter-mcgan-named-all-1"]);
    // What judges painted cells may not know more labels than the regime has.
    expect(needsOf("painter-mcgan-named-rare-1")).toEqual(["cells-rd-named-rare-1"]);
    expect(plan.withNeeds("detector-mcgan-named-stain-1").map(({ name }) => name)).toEqual([
      "cells-rd-named-all-1",
      "painter-mcgan-named-all-1",
      "detector-mcgan-named-stain-1",
    ]);
  });

  it("are listed by stage", async () => {
    const plan = table2Plan({ seeds: [1], paintings: ["flat", "mcgan"] });
    const listed = await listRuns(plan, join(root, "nothing"));
    expect(listed.map(({ name, stage, state }) => `${stage} ${name} ${state}`)).toEqual([
      "0 pictures-flat-1 open",
      "0 cells-rd-all-all-1 open",
      "1 painter-mcgan-all-all-1 open",
      "2 pictures-mcgan-1 open",
    ]);
  });
});

const cell = (cellClass: CellClass, place: number): LabelledCell => ({
  cellClass,
  box: { left: 50 * place, top: 0, right: 50 * place + 40, bottom: 40 },
});

const fieldOf = (index: number, cells: readonly LabelledCell[]): LabelledField => ({
  id: `field${String(index).padStart(3, "0")}`,
  dataset: "toy",
  picturePath: "",
  widthPx: 400,
  heightPx: 60,
  cells,
  incomplete: [],
});

describe("regimes", () => {
  const fields = Array.from({ length: 30 }, (_, index) =>
    fieldOf(index, [cell("basophil", 0), cell("eosinophil", 1), cell("monocyte", 2), cell("erythrocyte", 3)]),
  );
  const countOf = (chosen: readonly LabelledField[], cellClass: CellClass): number =>
    chosen.flatMap(({ cells }) => cells).filter((labelled) => labelled.cellClass === cellClass).length;

  it("eight: eight fields, the same in whatever order they come", () => {
    const { choose } = choiceOf("eight", { validation: false });
    const chosen = choose(fields, "train");
    expect(chosen).toHaveLength(8);
    expect(choose([...fields].reverse(), "train")).toEqual(chosen);
    expect(choose(fields, "val")).toEqual([]);
  });

  it("rare: ten names of each rare class, no cell less", () => {
    const chosen = choiceOf("rare", { validation: true }).choose(fields, "train");
    expect(chosen).toHaveLength(30);
    expect(countOf(chosen, "basophil")).toBe(10);
    expect(countOf(chosen, "eosinophil")).toBe(10);
    expect(countOf(chosen, "leukocyte")).toBe(40);
    expect(countOf(chosen, "monocyte")).toBe(30);
    expect(choiceOf("rare", { validation: true }).choose(fields, "val")).toBe(fields);
    const fewer = choiceOf("rare", { validation: true, most: 22 }).choose(fields, "train");
    expect([countOf(fewer, "basophil"), countOf(fewer, "eosinophil")]).toEqual([10, 10]);
    expect(fewer).toHaveLength(22);
    expect(choiceOf("all", { validation: true, most: 7 }).choose(fields, "train")).toHaveLength(7);
  });
});

const result = { seconds: 10, machine: "a machine" };

/** What a detector would come to that finds all red cells, names `right` of ten basophils so and the rest monocytes. */
const figuresWith = (right: number) => {
  const found = (cellClass: CellClass, place: number) => ({
    ...cell(cellClass, place),
    densityClass: cellClass === "erythrocyte" ? ("erythrocyte" as const) : ("leukocyte" as const),
    centre: { x: 50 * place + 20, y: 20 },
    confidence: 0.9,
    mass: 1,
  });
  const fields = Array.from({ length: 10 }, (_, index) => ({
    truth: fieldOf(index, [cell("erythrocyte", 0), cell("basophil", 2)]),
    found: [found("erythrocyte", 0), found(index < right ? "basophil" : "monocyte", 2)],
  }));
  return detectionFigures(fields, { erythrocyte: 0.5, leukocyte: 0.5, platelet: 0.5 }, true);
};

describe("table 4", () => {
  it("has P by class, mean and deviation over seeds, and points over RD", async () => {
    const out = join(root, "table4");
    const runs = new Runs(out);
    const plan = table4Plan({ seeds: [1, 2], regimes: ["rare"], arms: ["rd", "mcgan", "pix2pix"], alone: false });
    const rights = { "score-rd-rare-1": 4, "score-rd-rare-2": 6, "score-mcgan-rare-1": 9, "score-mcgan-rare-2": 9 };
    for (const [name, right] of Object.entries(rights)) {
      const identity = { settings: { mostFields: null }, data: { named: "toy" }, name };
      await runs.begin(name, identity, false);
      await runs.finish(name, identity, { ...result, figures: JSON.parse(JSON.stringify(figuresWith(right))) });
    }
    const { rows, text, missing, remarks } = await assembleTable("table4", plan, out);
    expect(remarks).toEqual([]);
    expect(missing).toContain("score-pix2pix-rare-1");
    const [rd, pix2pix, mcgan] = rows as {
      figures: Record<string, { mean: number; deviation: number } | null>;
      overRd: number | null;
    }[];
    // Ten basophils, of which 4 (6) are named: 6 (4) missed, none falsely found, as what is wrong is called a monocyte.
    expect(rd!.figures["P4 BA"]).toMatchObject({ mean: 50, runs: 2 });
    expect(rd!.figures["P4 BA"]!.deviation).toBeCloseTo(Math.sqrt(200), 9);
    expect(rd!.figures["P1 RBC"]!.mean).toBe(100);
    expect(rd!.figures.WBC!.mean).toBe(100);
    // 20 cells; 6 missed and 6 falsely found, then 4 and 4.
    expect(rd!.figures.all!.mean).toBeCloseTo(50, 9);
    expect(rd!.figures["recall rare"]!.mean).toBeCloseTo(50, 9);
    expect(rd!.overRd).toBeNull();
    expect(mcgan!.overRd).toBeCloseTo(40, 9);
    expect(pix2pix!.figures.all).toBeNull();
    expect(text).toContain("paper: RD+MCGAN");
    expect(text).toMatch(/RD\+MCGAN .*\+40\.00 +2/);
  });
});

describe("table 2", () => {
  const figures = (psnr: number, ssim: number, fid: number) => ({
    ...{ psnr, ssim, fid, fields: 5, patches: 20 },
    features: { name: "features 1.0.0", sha256: "00", dimensions: 64 },
    byDataset: {},
  });

  it("stands beside the paper's, and says which runs do not compare", async () => {
    const out = join(root, "table2");
    const runs = new Runs(out);
    const plan = table2Plan({ seeds: [1, 2], paintings: ["flat", "mcgan"] });
    const finish = async (name: string, mostFields: number, values: ReturnType<typeof figures>) => {
      const identity = { settings: { mostFields }, data: { all: "toy" }, name };
      await runs.begin(name, identity, false);
      await runs.finish(name, identity, { ...result, figures: values });
    };
    await finish("pictures-flat-1", 5, figures(24, 0.7, 80));
    await finish("pictures-mcgan-1", 5, figures(28, 0.88, 30));
    await finish("pictures-mcgan-2", 4, figures(29, 0.9, 34));
    const { text, remarks, files } = await assembleTable("table2", plan, out);
    expect(text).toMatch(/MCGAN +28\.50 ± 0\.71 +0\.890 ± 0\.014 +32\.00 ± 2\.83 +2 +23\.68 +0\.87 +34\.45/);
    expect(text).toMatch(/flat paint +24\.00 +0\.700 +80\.00 +1 +- +- +-/);
    expect(remarks).toEqual(["pictures-mcgan-2 has other settings or data than pictures-flat-1: do not compare."]);
    expect(files).toEqual([join(out, "table2.md"), join(out, "table2.csv")]);
  });
});

describe("runs", () => {
  it("that were damaged are refused", async () => {
    const runs = new Runs(join(root, "damaged"));
    await runs.begin("a", { settings: 1 }, false);
    await runs.finish("a", { settings: 1 }, { ...result, figures: {} });
    const path = join(runs.folder("a"), "result.json");
    await writeFile(path, JSON.stringify({ version: 1, name: "b" }));
    await expect(runs.result("a")).rejects.toMatchObject({ code: "CHECKPOINT_INVALID" });
    await writeFile(path, "{");
    await expect(runs.result("a")).rejects.toMatchObject({ code: "CHECKPOINT_INVALID" });
  });

  it("are one process' at a time; what a dead one or another machine left does not count", async () => {
    await writeFile(join(root, "run.lock"), "another-machine 1");
    const lock = await lockFolder(root);
    await lock[Symbol.asyncDispose]();
    const { hostname } = await import("node:os");
    await writeFile(join(root, "run.lock"), `${hostname()} ${process.ppid}`);
    await expect(lockFolder(root)).rejects.toMatchObject({ code: "RUN_BUSY" });
  });
});

describe("text", () => {
  it("keeps its cells apart", () => {
    expect(
      csvText(
        ["a", "b"],
        [
          ["x,y", 'say "z"'],
          [null, 1.5],
        ],
      ),
    ).toBe('a,b\n"x,y","say ""z"""\n,1.5\n');
    const table = { title: "T", heading: ["a"], rows: [["x|y"]], notes: ["n"] };
    expect(markdownText(table)).toBe("## T\n\n| a |\n| --- |\n| x\\|y |\n\n- n\n");
  });

  it("tells spreads", () => {
    expect(spreadText(spreadOf([]), 1)).toBe("-");
    expect(spreadText(spreadOf([1]), 1)).toBe("1.0");
    expect(spreadText(spreadOf([1, 3]), 2)).toBe("2.00 ± 1.41");
  });
});
