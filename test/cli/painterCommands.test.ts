import { execFile } from "node:child_process";
import { access, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { launchOf } from "../../src/core/index.js";
import { temporaryFolders } from "../registry/modelFixture.js";
import { writeSmearDataset } from "../training/painter/smearDataset.js";
import { writeUntrainedPainter } from "../training/painter/untrainedPainter.js";

const temporaryFolder = temporaryFolders();

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const cytostream = (...words: string[]): Promise<Outcome> =>
  new Promise((resolve) => {
    const { url, execArgv } = launchOf(new URL("../../src/cli/cytostream.js", import.meta.url));
    execFile(process.execPath, [...execArgv, url.pathname, ...words], (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === "number" ? error.code : error ? -1 : 0, stdout, stderr });
    });
  });

describe("the painters' commands", () => {
  it("train mcgan, resume it, and generate a data set that evaluate reads", async () => {
    const folder = await temporaryFolder();
    const [smear, out] = [join(folder, "smear"), join(folder, "out")];
    await writeSmearDataset(smear, { train: 3, val: 1 });
    const train = (steps: number, ...more: string[]) =>
      cytostream(
        "train",
        "mcgan",
        "--data",
        smear,
        "--out",
        out,
        "--steps",
        String(steps),
        "--provider",
        "cpu",
        "--json",
        ...more,
      );
    const first = await train(1);
    expect(first).toMatchObject({ code: 0 });
    const summary = JSON.parse((await train(2, "--resume", "--show-every", "1")).stdout);
    expect(summary).toMatchObject({ steps: 2, finished: true, model: join(out, "model"), figures: { crops: 1 } });
    for (const file of ["checkpoint.bin", "losses.png", "heldOut.jsonl", "samples/final.png", "model/masks.json"])
      await access(join(out, file));
    const lines = (await readFile(join(out, "losses.jsonl"), "utf8")).trim().split("\n");
    expect(lines.map((line) => JSON.parse(line).steps)).toEqual([1, 2]);
    expect(Object.keys(JSON.parse(lines[1]!).losses)).toEqual(
      expect.arrayContaining(["critic", "painter", "cellClass"]),
    );
    const other = await train(2, "--resume", "--seed", "5");
    expect(other.code).toBe(65);
    expect(other.stderr).toContain("seed is 1 there and 5 here");

    const painted = join(folder, "painted");
    const generated = await cytostream(
      "generate",
      "--model",
      join(out, "model"),
      "--count",
      "2",
      "--size",
      "128",
      "--classes",
      "BA",
      "--out",
      painted,
      "--json",
    );
    expect(generated.code).toBe(0);
    expect(JSON.parse(generated.stdout)).toMatchObject({ fields: 2, cells: { basophil: expect.any(Number) } });
    const evaluated = await cytostream("evaluate", painted, "--json", "--provider", "cpu");
    expect(evaluated.code).toBe(0);
    expect(JSON.parse(evaluated.stdout)).toMatchObject({ dataset: "painted", split: "train", fields: 2 });
  }, 240_000);

  it("generate says what is wrong with what it is asked", async () => {
    const folder = await temporaryFolder();
    const model = join(folder, "model");
    await writeUntrainedPainter(model);
    await writeSmearDataset(join(folder, "smear"), { train: 2, val: 0 });
    const generate = (...words: string[]) =>
      cytostream("generate", "--model", model, "--count", "1", "--out", join(folder, "out"), ...words);
    const unknown = await generate("--classes", "basophil", "unicorn");
    expect(unknown).toMatchObject({ code: 64 });
    expect(unknown.stderr).toContain("unicorn is no class of cells");
    const none = await generate("--from", join(folder, "smear"), "--classes", "monocyte");
    expect(none).toMatchObject({ code: 65 });
    expect(none.stderr).toContain("No field of the data set has a cell of class monocyte");
    const large = await generate("--from", join(folder, "smear"), "--size", "300");
    expect(large.stderr).toContain("the largest is 184 px");
    expect((await cytostream("generate", "--model", "unet", "--count", "1", "--out", folder)).stderr).toContain(
      "no painter",
    );
    await writeFile(join(folder, "smear", "labels", "train", "field0.txt"), "0 0.5 0.5 0.1\n");
    const torn = await generate("--from", join(folder, "smear"));
    expect(torn).toMatchObject({ code: 65 });
    expect(torn.stderr).toMatch(/field0\.txt:1: five numbers are due/);
  }, 120_000);
});
