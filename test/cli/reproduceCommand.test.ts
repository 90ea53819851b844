import { join } from "node:path";
import type { Command } from "commander";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createProgram } from "../../src/cli/program.js";
import { register } from "../../src/cli/reproduce.js";
import { register as registerTrain } from "../../src/cli/train.js";
import { CytoError } from "../../src/core/index.js";
import { temporaryFolders } from "../registry/modelFixture.js";

const temporaryFolder = temporaryFolders();
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

/** What a command writes to standard output. */
const run = async (add: (program: Command) => void, ...argv: string[]): Promise<string> => {
  let text = "";
  vi.spyOn(process.stdout, "write").mockImplementation((part) => {
    text += String(part);
    return true;
  });
  const program = createProgram("1.2.3").configureOutput({ writeErr: () => {} });
  add(program);
  await program.parseAsync(argv, { from: "user" });
  return text;
};

describe("reproduce", () => {
  it("lists the runs of a table by stage", async () => {
    const out = await temporaryFolder();
    const argv = [
      "reproduce",
      "table4",
      "--out",
      out,
      "--list",
      "--seeds",
      "7",
      "--regimes",
      "eight",
      "--arms",
      "rd",
      "mcgan",
    ];
    expect(await run(register, ...argv, "--no-alone")).toBe(
      [
        "0\tdetector-rd-named-eight-7\topen",
        "0\tpainter-mcgan-named-eight-1\topen",
        "1\tscore-rd-eight-7\topen\tneeds detector-rd-named-eight-7",
        "1\tdetector-mcgan-named-eight-7\topen\tneeds painter-mcgan-named-eight-1",
        "2\tscore-mcgan-eight-7\topen\tneeds detector-mcgan-named-eight-7",
        "",
      ].join("\n"),
    );
    const listed = JSON.parse(await run(register, ...argv, "--json")) as { name: string }[];
    expect(listed.map(({ name }) => name)).toContain("score-mcgan-alone-other-7");
  });

  it("puts a table together without data, dashes for what is missing", async () => {
    const out = await temporaryFolder();
    const argv = ["reproduce", "table2", "--out", out, "--assemble", "--paintings", "flat", "mcgan"];
    const text = await run(register, ...argv);
    expect(text).toMatch(/MCGAN +- +- +- +0 +23\.68/);
    expect(text).toContain(join(out, "table2.csv"));
    const { missing, rows } = JSON.parse(await run(register, ...argv, "--json"));
    expect(missing).toHaveLength(1 + 3 + 3 + 1);
    expect(rows).toHaveLength(2);
  });

  it.each([
    ["no data", ["table2", "--out", "x"]],
    ["one data set for table 4", ["table4", "--out", "x", "--data", "a"]],
    ["a ratio over 1", ["table4", "--out", "x", "--data", "a", "b", "--painted-ratio", "2"]],
  ])("refuses %s", async (_name, argv) => {
    const error = await run(register, "reproduce", ...argv).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "USAGE" });
    expect(error).toBeInstanceOf(CytoError);
  });

  it("knows its arms", async () => {
    await expect(run(register, "reproduce", "table4", "--out", "x", "--arms", "rd", "dcgan")).rejects.toThrow(
      /Allowed are rd, cgan/,
    );
  });
});

describe("train with made fields", () => {
  it.each([
    ["a stain without a painter", ["--augment-stain", "other/"]],
    ["a part of nothing", ["--augment", "copy-paste", "--painted-ratio", "0"]],
  ])("refuses %s", async (_name, more) => {
    const error = await run(
      registerTrain,
      "train",
      "unet",
      "--data",
      "a",
      "--out",
      await temporaryFolder(),
      ...more,
    ).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "USAGE" });
  });
});
