import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CytoError, createRandom } from "../../src/core/index.js";
import { createDetector, type Detector } from "../../src/detection/index.js";
import {
  candidateVersion,
  listModels,
  type ModelTallies,
  openModelDesk,
  type Promotion,
  readGoldenFields,
  readLineage,
  readPromotions,
  writeCandidate,
} from "../../src/registry/index.js";
import { toyDetectorBytes, writeToyModels } from "../detection/toyModel.js";
import { realisticTruth, simulateTallies } from "./gate/simulate.js";
import { goldenPictures, openToyLaboratory, type ToyLaboratory, toyLineage } from "./laboratory.js";
import { detectorDraft } from "./modelFixture.js";

let laboratory: ToyLaboratory;
beforeEach(async () => {
  laboratory = await openToyLaboratory();
});
afterEach(() => laboratory.remove());

const codeOf = async (promise: Promise<unknown>): Promise<string> => {
  const outcome: unknown = await promise.then(
    () => "done",
    (error: unknown) => error,
  );
  expect(outcome, String(outcome)).toBeInstanceOf(CytoError);
  return (outcome as CytoError).code;
};
const modelsIn = (history: readonly Promotion[]): string[] => history.map(({ model }) => model);

describe("a candidate", () => {
  it("is written with lineage and golden fields, and nothing is left beside it", async () => {
    const directory = await laboratory.candidate("1.1.0-lab.1");
    expect((await readdir(directory)).sort()).toEqual([
      "card.md",
      "golden",
      "lineage.json",
      "manifest.json",
      "model.onnx",
    ]);
    expect(await readLineage(directory)).toEqual(toyLineage());
    const golden = await readGoldenFields(directory);
    expect(golden).toHaveLength(2);
    expect(golden?.[0]?.cells.map(({ densityClass }) => densityClass).sort()).toEqual([
      "erythrocyte",
      "erythrocyte",
      "leukocyte",
      "platelet",
    ]);
    expect(golden?.[0]?.pixels).toEqual(goldenPictures()[0]?.picture.pixels);
    expect(await readdir(laboratory.paths.models)).toEqual(["unet"]);
    expect(await listModels(laboratory.paths.models)).toHaveLength(1);
  });

  it("is written once, and not at all where it cannot run or finds nothing", async () => {
    await laboratory.candidate("1.1.0-lab.1");
    const write = (version: string, onnxBytes: Uint8Array) => {
      const [draft, modelsDir] = [detectorDraft(version), laboratory.paths.models];
      const golden = goldenPictures();
      return writeCandidate({ modelsDir, draft, files: { onnxBytes, card: "" }, lineage: toyLineage(), golden });
    };
    expect(await codeOf(write("1.1.0-lab.1", toyDetectorBytes()))).toBe("MODEL_INVALID");
    expect(await codeOf(write("1.1.0-lab.2", toyDetectorBytes(0.05)))).toBe("MODEL_INVALID");
    expect(await codeOf(write("1.1.0-lab.3", new Uint8Array([1, 2, 3])))).toBe("MODEL_INVALID");
    expect(await readdir(laboratory.paths.models)).toEqual(["unet"]);
    expect(await readdir(join(laboratory.paths.models, "unet"))).toEqual(["1.1.0-lab.1"]);
  });

  it("has a version newer than its parent and older than what is shipped next", () => {
    expect(candidateVersion("1.2.0", [])).toBe("1.3.0-lab.1");
    expect(candidateVersion("1.3.0-lab.1", ["1.2.0", "1.3.0-lab.1", "1.3.0-lab.9"])).toBe("1.3.0-lab.10");
    expect(candidateVersion("2.0.7", ["1.3.0-lab.1"])).toBe("2.1.0-lab.1");
  });
});

describe("what is in production", () => {
  it("is at first what is shipped, written down once", async () => {
    await using desk = await laboratory.open();
    expect(desk.models.detector.ref.version).toBe("1.0.0");
    expect(await desk.history()).toMatchObject([
      { kind: "initial", model: "cells@1.0.0", by: "cytostream" },
      { kind: "initial", model: "unet@1.0.0" },
    ]);
    await desk[Symbol.asyncDispose]();
    await using again = await laboratory.open();
    expect(await again.history()).toHaveLength(2);
  });

  it("changes by promotion and goes back step by step, each in the history", async () => {
    await laboratory.candidate("1.1.0-lab.1");
    await laboratory.candidate("1.1.0-lab.2", 0.8);
    await using desk = await laboratory.open();
    const told: Promotion[] = [];
    const stop = desk.onChange((promotion) => told.push(promotion));
    laboratory.clock.advance(1000);
    const first = await desk.promote("unet@1.1.0-lab.1", "anna", "looks right");
    expect(first).toMatchObject({ kind: "promotion", before: "unet@1.0.0", by: "anna", atMs: 1_001_000 });
    laboratory.clock.advance(1000);
    await desk.promote("unet@1.1.0-lab.2", "anna", "more so");
    expect(desk.models.detector.ref.version).toBe("1.1.0-lab.2");
    laboratory.clock.advance(1000);
    expect(await desk.rollback("berta")).toMatchObject({ kind: "rollback", model: "unet@1.1.0-lab.1", by: "berta" });
    laboratory.clock.advance(1000);
    expect(await desk.rollback("berta")).toMatchObject({ model: "unet@1.0.0", before: "unet@1.1.0-lab.1" });
    expect(await codeOf(desk.rollback("berta"))).toBe("ROLLBACK_IMPOSSIBLE");
    expect(modelsIn(told)).toEqual(["unet@1.1.0-lab.1", "unet@1.1.0-lab.2", "unet@1.1.0-lab.1", "unet@1.0.0"]);
    stop();
    expect(modelsIn(await desk.history(1_002_500))).toEqual(["unet@1.1.0-lab.2", "cells@1.0.0"]);
    expect(modelsIn(await desk.history(1_000_500))).toEqual(["unet@1.0.0", "cells@1.0.0"]);
    expect(await desk.history(5)).toEqual([]);
    const active = (await desk.list()).filter((entry) => entry.active);
    expect(active.map(({ name, version }) => `${name}@${version}`).sort()).toEqual(["cells@1.0.0", "unet@1.0.0"]);
  });

  it("is the same after a restart", async () => {
    await laboratory.candidate("1.1.0-lab.1");
    {
      await using desk = await laboratory.open();
      await desk.promote("unet@1.1.0-lab.1", "anna", "");
    }
    await using desk = await laboratory.open();
    expect(desk.models.detector.ref.version).toBe("1.1.0-lab.1");
    const entry = await desk.show("unet@1.1.0-lab.1");
    expect(entry).toMatchObject({ origin: "laboratory", active: true, lineage: toyLineage(), card: "# 1.1.0-lab.1\n" });
    expect(entry.sha256).toBe(desk.models.detector.ref.sha256);
  });

  it("is a newer shipped one after an upgrade, but never in place of the laboratory's own", async () => {
    {
      await using _desk = await laboratory.open();
    }
    await writeToyModels(laboratory.shippedDir, "1.2.0");
    {
      await using desk = await laboratory.open();
      expect(desk.models.detector.ref.version).toBe("1.2.0");
      await desk.rollback("anna");
      await desk.rollback("anna");
    }
    {
      // What was gone back from does not come again by itself.
      await using desk = await laboratory.open();
      expect(desk.models.detector.ref.version).toBe("1.0.0");
      await laboratory.candidate("1.3.0-lab.1");
      await desk.promote("unet@1.3.0-lab.1", "anna", "");
    }
    await writeToyModels(laboratory.shippedDir, "2.0.0");
    await using desk = await laboratory.open();
    expect(desk.models.detector.ref.version).toBe("1.3.0-lab.1");
  });

  it("is what the configuration names, until something else is promoted", async () => {
    await writeToyModels(laboratory.shippedDir, "1.2.0");
    const choice = { detector: "unet@1.0.0", classifier: join(laboratory.shippedDir, "cells", "1.0.0") };
    await laboratory.candidate("1.3.0-lab.1");
    {
      await using desk = await laboratory.open({ choice });
      expect(desk.models.detector.ref.version).toBe("1.0.0");
      expect(desk.models.classifier.ref.version).toBe("1.0.0");
      await desk.promote("unet@1.3.0-lab.1", "anna", "");
    }
    {
      await using desk = await laboratory.open({ choice });
      expect(desk.models.detector.ref.version).toBe("1.3.0-lab.1");
    }
    await using desk = await laboratory.open({ choice: { ...choice, detector: "unet@1.2.0" } });
    expect(desk.models.detector.ref.version).toBe("1.2.0");
    expect(await codeOf(laboratory.open({ choice: { detector: "unet@9.0.0" } }))).toBe("MODEL_NOT_FOUND");
  });

  it("is the one before where the newest is damaged, and that is written down", async () => {
    const directory = await laboratory.candidate("1.1.0-lab.1");
    {
      await using desk = await laboratory.open();
      await desk.promote("unet@1.1.0-lab.1", "anna", "");
    }
    await writeFile(join(directory, "model.onnx"), "gone");
    await using desk = await laboratory.open();
    expect(desk.models.detector.ref.version).toBe("1.0.0");
    expect((await desk.history())[0]).toMatchObject({
      kind: "rollback",
      model: "unet@1.0.0",
      before: "unet@1.1.0-lab.1",
      by: "cytostream",
      reason: expect.stringMatching(/SHA-256/),
    });
  });
});

describe("what killed writes leave", () => {
  it("goes when it is a day old, and not before", async () => {
    const left = join(laboratory.paths.models, "unet", ".1.1.0-lab.1.0123456789ab");
    const trial = join(laboratory.paths.models, ".trial.0123456789ab");
    await mkdir(left, { recursive: true });
    await mkdir(trial);
    await laboratory.candidate("1.1.0-lab.1");
    laboratory.clock.setNow(Date.now());
    {
      await using _desk = await laboratory.open();
    }
    expect(await readdir(laboratory.paths.models)).toHaveLength(2);
    laboratory.clock.advance(2 * 86_400_000);
    await using _desk = await laboratory.open();
    expect(await readdir(laboratory.paths.models)).toEqual(["unet"]);
    expect(await readdir(join(laboratory.paths.models, "unet"))).toEqual(["1.1.0-lab.1"]);
  });
});

describe("a promotion that fails", () => {
  it("is of a model that is not there, does not serve, or is unsound", async () => {
    const directory = await laboratory.candidate("1.1.0-lab.1");
    await using desk = await laboratory.open();
    expect(await codeOf(desk.promote("unet@7.0.0", "anna", ""))).toBe("MODEL_NOT_FOUND");
    await writeFile(join(directory, "model.onnx"), toyDetectorBytes(0.5));
    expect(await codeOf(desk.promote("unet@1.1.0-lab.1", "anna", ""))).toBe("MODEL_INVALID");
    expect(desk.models.detector.ref.version).toBe("1.0.0");
    expect(await desk.history()).toHaveLength(2);
  });

  it("leaves the old one serving where golden fields are not found again", async () => {
    const directory = await laboratory.candidate("1.1.0-lab.1");
    const slot: { detector?: Detector } = {};
    await using desk = await laboratory.open({ swap: (models, golden) => slot.detector!.swap(models, golden) });
    await using detector = await createDetector({ models: desk.models, provider: "cpu", threads: 1, workers: 2 });
    slot.detector = detector;
    // The network is another one than the golden fields were searched with, its hash made to fit.
    const other = await laboratory.candidate("1.1.0-lab.9", 0.6);
    await rm(join(directory, "golden"), { recursive: true });
    await cp(join(other, "golden"), join(directory, "golden"), { recursive: true });
    expect(await codeOf(desk.promote("unet@1.1.0-lab.1", "anna", ""))).toBe("MODEL_SELF_TEST_FAILED");
    expect(detector.models.detector.version).toBe("1.0.0");
    await desk.promote("unet@1.1.0-lab.9", "anna", "");
    expect(detector.models.detector.version).toBe("1.1.0-lab.9");
    const { pixels, ...frame } = { ...goldenPictures()[0]!.picture };
    const found = await detector.detect({
      ...{ ...frame, pixels: pixels.slice(), sequence: 0, capturedAtMs: 0, camera: "t", source: "t" },
      ...{ simulated: true, umPerPixel: 0.234375 },
    });
    expect(found.models.detector.version).toBe("1.1.0-lab.9");
  });

  it("is of one that fails on golden fields also where no detector runs", async () => {
    const [directory, other] = [
      await laboratory.candidate("1.1.0-lab.1"),
      await laboratory.candidate("1.1.0-lab.9", 0.6),
    ];
    const { paths, shippedDir } = laboratory;
    await using desk = await openModelDesk({ paths, shippedDir, gate: { alpha: 0.05, marginPoints: 3 } });
    await cp(join(other, "golden"), join(directory, "golden"), { recursive: true });
    expect(await codeOf(desk.promote("unet@1.1.0-lab.1", "anna", ""))).toBe("MODEL_SELF_TEST_FAILED");
    expect(await desk.promote("unet@1.1.0-lab.9", "anna", "")).toMatchObject({ model: "unet@1.1.0-lab.9" });
  });

  it("is refused where golden fields were changed or are missing", async () => {
    await using desk = await laboratory.open();
    const changed = await laboratory.candidate("1.1.0-lab.1");
    const json = await readFile(join(changed, "golden", "golden.json"), "utf8");
    await writeFile(join(changed, "golden", "golden.json"), json.replace("erythrocyte", "leukocyte"));
    expect(await codeOf(desk.promote("unet@1.1.0-lab.1", "anna", ""))).toBe("MODEL_INVALID");
    await rm(join(changed, "golden"), { recursive: true });
    expect(await codeOf(desk.promote("unet@1.1.0-lab.1", "anna", ""))).toBe("MODEL_INVALID");
    const swapped = await laboratory.candidate("1.1.0-lab.2");
    await writeFile(join(swapped, "golden", "1.png"), await readFile(join(swapped, "golden", "0.png")));
    expect(await codeOf(desk.promote("unet@1.1.0-lab.2", "anna", ""))).toBe("MODEL_INVALID");
  });

  it("takes the exchange back where the journal cannot be written", async () => {
    await laboratory.candidate("1.1.0-lab.1");
    const served: string[] = [];
    await using desk = await laboratory.open({
      swap: async ({ detector }) => {
        served.push(detector.ref.version);
      },
    });
    // The desk keeps its journal's file open: closing the desk takes it away, as a disk that fails does.
    await desk[Symbol.asyncDispose]();
    expect(await codeOf(desk.promote("unet@1.1.0-lab.1", "anna", ""))).toBe("STORE_FAILED");
    expect(served).toEqual(["1.1.0-lab.1", "1.0.0"]);
    expect(desk.models.detector.ref.version).toBe("1.0.0");
  });
});

describe("the gate at the desk", () => {
  const tallies = (worseBy: number): { candidate: ModelTallies; active: ModelTallies } =>
    simulateTallies(createRandom(11), realisticTruth(worseBy), { validation: 150, old: 150 });

  it("promotes what is better, once, and spends its part of the year", async () => {
    await laboratory.candidate("1.1.0-lab.1");
    await laboratory.candidate("1.1.0-lab.2");
    await using desk = await laboratory.open({ score: async () => tallies(0.03) });
    const refused = await desk.judge("unet@1.1.0-lab.2");
    expect(refused.decision).toBe("refuse");
    expect(desk.models.detector.ref.version).toBe("1.0.0");
    const report = await desk.judge("unet@1.1.0-lab.1", tallies(-0.04));
    expect(report).toMatchObject({ decision: "promote", active: "unet@1.0.0" });
    expect(report.alpha).toBeLessThan(refused.alpha);
    expect(desk.models.detector.ref.version).toBe("1.1.0-lab.1");
    expect((await desk.history())[0]).toMatchObject({ by: "gate", reason: expect.stringMatching(/^better/) });
  });

  it("answers the same of the same pair, and does what a crash kept it from", async () => {
    await laboratory.candidate("1.1.0-lab.1");
    let report: unknown;
    {
      await using desk = await laboratory.open({
        swap: () => Promise.reject(new CytoError("DETECTOR_CRASHED", "the process was killed here")),
      });
      expect(await codeOf(desk.judge("unet@1.1.0-lab.1", tallies(-0.04)))).toBe("DETECTOR_CRASHED");
    }
    {
      await using desk = await laboratory.open();
      report = await desk.judge("unet@1.1.0-lab.1");
      expect(report).toMatchObject({ decision: "promote" });
      expect(desk.models.detector.ref.version).toBe("1.1.0-lab.1");
    }
    expect((await readPromotions(laboratory.paths.promotions)).map(({ kind }) => kind)).toEqual([
      "initial",
      "initial",
      "promotion",
    ]);
  });

  it("compares any two without promoting or spending", async () => {
    await laboratory.candidate("1.1.0-lab.1");
    await using desk = await laboratory.open({ score: async () => tallies(-0.04) });
    const report = await desk.compare("unet@1.1.0-lab.1", "unet@1.0.0");
    expect(report.decision).toBe("promote");
    expect(desk.models.detector.ref.version).toBe("1.0.0");
    expect((await desk.compare("unet@1.1.0-lab.1", "unet@1.0.0")).alpha).toBe(report.alpha);
    expect(await codeOf(desk.compare("unet@1.1.0-lab.1", "cells@1.0.0"))).toBe("MODEL_INVALID");
    expect(await codeOf(desk.compare("unet@1.1.0-lab.1", "unet@3.0.0"))).toBe("MODEL_NOT_FOUND");
  });

  it("scores while others work, and again where another model came into production meanwhile", async () => {
    await laboratory.candidate("1.1.0-lab.1");
    await laboratory.candidate("1.1.0-lab.2");
    const against: string[] = [];
    await using desk = await laboratory.open({
      score: async (_candidate, active) => {
        against.push(active.detector.ref.version);
        // By hand, while the gate is at work: it must not wait for the gate.
        if (against.length === 1) await desk.promote("unet@1.1.0-lab.2", "anna", "");
        return tallies(-0.04);
      },
    });
    const stale = { ...tallies(0.03), against: "unet@0.9.0" };
    const report = await desk.judge("unet@1.1.0-lab.1", stale);
    expect(against).toEqual(["1.0.0", "1.1.0-lab.2"]);
    expect(report).toMatchObject({ active: "unet@1.1.0-lab.2", decision: "promote" });
    expect((await desk.history())[0]).toMatchObject({ model: "unet@1.1.0-lab.1", before: "unet@1.1.0-lab.2" });
  });

  it("has nothing to compare on without validation fields", async () => {
    await laboratory.candidate("1.1.0-lab.1");
    const none = { validation: [], old: [] };
    await using desk = await laboratory.open({ score: async () => ({ candidate: none, active: none }) });
    expect(await codeOf(desk.compare("unet@1.1.0-lab.1", "unet@1.0.0"))).toBe("VALIDATION_EMPTY");
    expect(await codeOf(desk.judge("unet@1.1.0-lab.1"))).toBe("VALIDATION_EMPTY");
  });
});
