import { readFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import {
  createProgress,
  formatDuration,
  formatFigure,
  type ProgressReport,
  plotSvg,
  writeLossPlot,
} from "../../src/training/progress/index.js";
import { temporaryFolders } from "../registry/modelFixture.js";

const temporaryFolder = temporaryFolders();

const reports = (count: number, stepMs: number): ProgressReport[] =>
  Array.from({ length: count }, (_, index) => ({
    steps: index + 1,
    done: (index + 1) / count,
    elapsedMs: (index + 1) * stepMs,
    losses: { density: 1 / (index + 1) },
    learningRate: 0.002,
  }));

const record = (isTTY: boolean, columns = 100) => {
  const written: string[] = [];
  return { written, stream: { isTTY, columns, write: (text: string) => written.push(text) } };
};

describe("createProgress", () => {
  it("writes JSON lines with loss, rate and time left where there is no terminal", () => {
    const { written, stream } = record(false);
    const progress = createProgress({ stream, label: "unet", everyMs: 1000 });
    for (const report of reports(40, 250)) progress.update(report);
    progress.note("checkpoint", { steps: 40 });
    progress.end();
    progress.end();
    const lines = written
      .join("")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.at(-1)).toEqual({ type: "note", label: "unet", text: "checkpoint", steps: 40 });
    expect(lines).toHaveLength(12);
    expect(lines[1]).toMatchObject({
      type: "progress",
      steps: 5,
      stepsPerSecond: 4,
      leftMs: 8750,
      learningRate: 0.002,
    });
    expect(lines.at(-2)).toMatchObject({ steps: 40, done: 1, leftMs: 0 });
  });

  it("draws one line that fits the terminal, and keeps it below notes", () => {
    const { written, stream } = record(true, 80);
    const progress = createProgress({ stream, label: "cells" });
    for (const report of reports(10, 500)) progress.update(report);
    progress.note("saved");
    progress.end();
    const lines = written.join("").replaceAll("\r\u001b[K", "\n").split("\n");
    for (const line of lines) expect([...line].length).toBeLessThan(80);
    expect(lines[5]).toMatch(/^cells █+░+ 50 % {2}step 5 {2}density \S+ {2}2 steps\/s/);
    expect(lines).toContain("saved");
    expect(written.at(-1)).toBe("\n");
  });

  it("counts the time left of a resumed training by its own pace", () => {
    const { written, stream } = record(false);
    const progress = createProgress({ stream, everyMs: 0 });
    const base = { losses: {}, steps: 1 };
    progress.update({ ...base, done: 0.5, elapsedMs: 900_000 });
    progress.update({ ...base, steps: 2, done: 0.6, elapsedMs: 901_000 });
    expect(JSON.parse(written[1]!)).toMatchObject({ leftMs: 4000 });
    expect(JSON.parse(written[0]!).leftMs).toBeUndefined();
  });
});

describe("figures in words", () => {
  it("are short", () => {
    expect([formatDuration(4_400), formatDuration(312_000), formatDuration(7_380_000)]).toEqual([
      "4 s",
      "5 min 12 s",
      "2 h 3 min",
    ]);
    expect([0.12345, 1e-5, 0, 1234.5, Number.NaN].map(formatFigure)).toEqual(["0.123", "1.00e-5", "0", "1230", "NaN"]);
  });
});

describe("writeLossPlot", () => {
  const series = [
    { name: "density", points: Array.from({ length: 5000 }, (_, x) => [x, 1 / (x + 1)] as const), smoothOver: 50 },
    {
      name: "extent",
      points: [
        [0, 1],
        [2500, Number.NaN],
        [5000, 0.5],
      ] as const,
    },
  ];

  it("writes a PNG in which the curves' colours are seen, without any font", async () => {
    const path = join(await temporaryFolder(), "loss.png");
    await writeLossPlot(path, series, { title: "unet", widthPx: 640, heightPx: 360 });
    const { data, info } = await sharp(path).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    expect(info).toMatchObject({ width: 640, height: 360 });
    const has = (red: number, green: number, blue: number): boolean => {
      for (let at = 0; at < data.length; at += 3)
        if (data[at] === red && data[at + 1] === green && data[at + 2] === blue) return true;
      return false;
    };
    expect(has(0x00, 0x72, 0xb2)).toBe(true);
    expect(has(0xd5, 0x5e, 0x00)).toBe(true);
    expect(plotSvg(series)).not.toContain("<text");
  });

  it("writes an SVG where the path says so, also of nothing, of one point and of values not over 0", async () => {
    const path = join(await temporaryFolder(), "loss.svg");
    for (const points of [
      [],
      [[1, 1]],
      [
        [0, -1],
        [1, 2],
      ],
    ] as const) {
      await writeLossPlot(path, [{ name: "loss", points }]);
      const svg = await readFile(path, "utf8");
      expect(svg).toMatch(/^<svg/);
      expect(svg).not.toMatch(/NaN|Infinity/);
    }
  });

  it("names a file that cannot be written", async () => {
    const path = join(await temporaryFolder(), "none", "loss.png");
    await expect(writeLossPlot(path, series)).rejects.toMatchObject({ code: "OUTPUT_FAILED" });
  });
});
