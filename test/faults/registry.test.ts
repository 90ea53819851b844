import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, truncate } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRandom, projectRoot } from "../../src/core/index.js";
import { judgeCandidate, nextLevel, readPromotions, type SpentLevel } from "../../src/registry/index.js";
import { realisticTruth, type SimulatedTruth, simulateTallies } from "../registry/gate/simulate.js";
import { openToyLaboratory, type ToyLaboratory } from "../registry/laboratory.js";
import { quantile, tell, times } from "./counts.js";
import type { KillStep } from "./promotionProcess.js";

describe("SIGKILL at every step of a promotion (promise 21)", () => {
  let laboratory: ToyLaboratory;
  beforeAll(async () => {
    laboratory = await openToyLaboratory();
    await laboratory.candidate("1.1.0-lab.1");
    await laboratory.candidate("1.1.0-lab.2", 0.8);
  });
  afterAll(() => laboratory.remove());

  interface Up {
    readonly name: string;
    readonly version: string;
    readonly sha256: string;
    readonly cells: number;
    readonly upMs: number;
  }

  /** Starts the process, and waits until it has killed itself, or kills it so long after it is up. */
  const runUntilKilled = async (step: KillStep, count: number, killAfterMs?: number): Promise<Up> => {
    const script = join(projectRoot(), "test", "faults", "promotionProcess.ts");
    const words = [laboratory.paths.root, laboratory.shippedDir, step, String(count)];
    const child = spawn(process.execPath, ["--import", "tsx", script, ...words], {
      cwd: projectRoot(),
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [said, complained] = ["", ""];
    child.stderr.setEncoding("utf8").on("data", (part: string) => {
      complained += part;
    });
    child.stdout.setEncoding("utf8").on("data", (part: string) => {
      said += part;
      if (killAfterMs !== undefined) setTimeout(() => child.kill("SIGKILL"), killAfterMs);
    });
    const [, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
    expect(signal, complained).toBe("SIGKILL");
    return JSON.parse(said) as Up;
  };

  /** What the journal says is in production, read without the desk. */
  const recorded = async (): Promise<{ model: string; sha256: string } | undefined> =>
    (await readPromotions(laboratory.paths.promotions)).findLast(({ network }) => network === "detector");

  /** As a crash within the write of the last line leaves it: cut short. */
  const tear = async (random: ReturnType<typeof createRandom>): Promise<void> => {
    const bytes = await readFile(laboratory.paths.promotions);
    const lineStart = bytes.lastIndexOf(10, bytes.length - 2) + 1;
    await truncate(laboratory.paths.promotions, lineStart + 1 + random.int(bytes.length - lineStart - 1));
  };

  const count = times(200, 6);

  it(`${count} times: the active pointer is always valid, up <= 5 s`, async () => {
    const random = createRandom(21);
    const kinds = ["loaded", "swapping", "swapped", "written", "any time", "torn"] as const;
    const killed: Record<string, number> = {};
    const upMs: number[] = [];
    let expected: { model: string; sha256: string } | undefined;
    for (let index = 0; index < count; index++) {
      const kind = kinds[index % kinds.length]!;
      const atAnyTime = kind === "any time" || kind === "torn";
      const up = atAnyTime
        ? await runUntilKilled("never", 1, 400 * random.next())
        : await runUntilKilled(kind, 1 + random.int(4));
      upMs.push(up.upMs);
      expect(up.cells, kind).toBe(1);
      if (expected) expect(up).toMatchObject({ version: expected.model.split("@")[1], sha256: expected.sha256 });
      if (kind === "torn") await tear(random);
      expected = await recorded();
      expect(expected, kind).toBeDefined();
      killed[kind] = (killed[kind] ?? 0) + 1;
    }
    tell(21, { kills: count, ...killed, upMedianMs: quantile(upMs, 0.5), upWorstMs: Math.max(...upMs) });
    expect(Math.max(...upMs)).toBeLessThanOrEqual(5000);
  });
});

describe("worse candidates with known truth (promise 23)", () => {
  const alpha = 0.05;
  const marginPoints = 3;
  const fields = { validation: 100, old: 100 };
  const names = { candidate: "unet@1.3.0-lab.1", active: "unet@1.2.0" };
  const judge = (random: ReturnType<typeof createRandom>, truth: SimulatedTruth, level: number) =>
    judgeCandidate({
      ...{ ...names, marginPoints, atMs: 0, alpha: level },
      tallies: simulateTallies(random, truth, fields),
    });

  const count = times(1000, 250);

  it(`${count} of them, from just not better to much worse: promoted <= alpha`, () => {
    const random = createRandom(23);
    let [promoted, shown] = [0, 0];
    for (let index = 0; index < count; index++) {
      // The first is worse by nothing at all: the hardest to keep out.
      const truth = realisticTruth((0.02 * (index % 10)) / 10);
      if (judge(random, truth, nextLevel(alpha, [], 0)).decision === "promote") promoted++;
      // The same at the level of a single test, as if there were no year to share it with.
      if (judge(random, truth, alpha).decision === "promote") shown++;
    }
    tell(23, { worse: count, promoted, atTheLevelOfOneTest: shown, alpha });
    expect(promoted).toBeLessThanOrEqual(alpha * count);
    expect(shown).toBeLessThanOrEqual(alpha * count);
  });

  const worseClass = times(1000, 60);

  it(`${worseClass} that are better but for one class, worse by just the margin: promoted <= alpha`, () => {
    const random = createRandom(24);
    const truth: SimulatedTruth = {
      erythrocyte: { cells: 14, active: 0.1, candidate: 0.07, shared: 0.5 },
      leukocyte: { cells: 16, active: 0.04, candidate: 0.04 + marginPoints / 100, shared: 0.5 },
    };
    let promoted = 0;
    for (let index = 0; index < worseClass; index++) if (judge(random, truth, alpha).decision === "promote") promoted++;
    tell(23, { worseInOneClass: worseClass, promotedAtTheLevelOfOneTest: promoted, alpha });
    expect(promoted / worseClass).toBeLessThanOrEqual(alpha + 3 * Math.sqrt((alpha * (1 - alpha)) / worseClass));
  });

  const years = times(200, 5);

  it(`${years} years of nights, each with a candidate as good as the model in production: years with a promotion <= alpha`, () => {
    const random = createRandom(25);
    let spoilt = 0;
    for (let year = 0; year < years; year++) {
      const spent: SpentLevel[] = [];
      let promoted = false;
      for (let night = 0; night < 365 && !promoted; night++) {
        const atMs = night * 86_400_000;
        const level = nextLevel(alpha, spent, atMs);
        spent.push({ atMs, alpha: level });
        promoted = judge(random, realisticTruth(0), level).decision === "promote";
      }
      if (promoted) spoilt++;
    }
    tell(23, { years, nights: 365 * years, yearsWithAPromotion: spoilt, alpha });
    expect(spoilt / years).toBeLessThanOrEqual(alpha + 3 * Math.sqrt((alpha * (1 - alpha)) / years));
  });
});
