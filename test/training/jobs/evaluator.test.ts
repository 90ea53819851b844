import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { watchRule } from "../../../src/training/jobs/evaluator.js";
import type { TriggerDecision } from "../../../src/training/jobs/index.js";
import { temporaryFolders } from "../../registry/modelFixture.js";

const temporaryFolder = temporaryFolders();

describe("the watch of the rule", () => {
  it("remembers decisions, equal ones in a row as one, and begins what it decides", async () => {
    const path = join(await temporaryFolder(), "decisions.journal");
    const begun: string[] = [];
    const answers: TriggerDecision[] = [
      { atMs: 1, start: false, reasons: ["too few"] },
      { atMs: 2, start: false, reasons: ["too few"] },
      { atMs: 3, start: true, reasons: ["enough", "night"] },
      { atMs: 4, start: false, reasons: ["too few"] },
    ];
    const left = [...answers];
    const options = {
      path,
      decide: async () => left.shift()!,
      begin: async (reason: string) => begun.push(reason),
      everyMs: 3_600_000,
      onError: () => undefined,
    };
    {
      await using watch = await watchRule(options);
      for (const answer of answers) expect(await watch.ask()).toEqual(answer);
      expect(watch.decisions().map(({ atMs }) => atMs)).toEqual([4, 3, 1]);
    }
    expect(begun).toEqual(["enough night"]);
    await using again = await watchRule(options);
    expect(again.decisions().map(({ atMs }) => atMs)).toEqual([4, 3, 1]);
  });

  it("asks by itself, and goes on after an error", async () => {
    const errors: string[] = [];
    let asked = 0;
    const folder = await temporaryFolder();
    let thrice = (): void => undefined;
    const askedThrice = new Promise<void>((resolve) => {
      thrice = resolve;
    });
    await using watch = await watchRule({
      path: join(folder, "decisions.journal"),
      decide: async () => {
        asked += 1;
        if (asked === 1) throw new Error("not now");
        if (asked === 3) thrice();
        return { atMs: asked, start: false, reasons: [] };
      },
      begin: async () => undefined,
      everyMs: 1,
      onError: ({ message }) => errors.push(message),
    });
    await askedThrice;
    expect(watch.decisions()).not.toEqual([]);
    expect(errors).toEqual(["not now"]);
  });
});
