import { createWriteStream } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import type { StepReport } from "../training/index.js";
import type { PlotSeries } from "../training/progress/index.js";

export interface LossRecorder {
  readonly record: (report: StepReport) => void;
  readonly series: () => readonly PlotSeries[];
  readonly close: () => Promise<void>;
}

interface Line {
  readonly steps: number;
  readonly losses: Readonly<Record<string, number>>;
}

const smoothOver = 25;

/** Lines of an earlier part of the same training; a torn last line is passed over. */
const readLines = async (path: string): Promise<Line[]> => {
  const text = await readFile(path, "utf8").catch(() => "");
  return text.split("\n").flatMap((line) => {
    try {
      return line === "" ? [] : [JSON.parse(line) as Line];
    } catch {
      return [];
    }
  });
};

/** Writes each step's losses to `losses.jsonl` in a folder, and gives them back as curves. */
export const lossRecorder = async (directory: string, resume: boolean): Promise<LossRecorder> => {
  await mkdir(directory, { recursive: true });
  const path = join(directory, "losses.jsonl");
  const lines = resume ? await readLines(path) : [];
  const file = createWriteStream(path, { flags: resume ? "a" : "w" });
  return {
    record: ({ steps, elapsedMs, learningRate, losses, gradientNorms }) => {
      lines.push({ steps, losses });
      file.write(
        `${JSON.stringify({ steps, elapsedMs: Math.round(elapsedMs), learningRate, losses, gradientNorms })}\n`,
      );
    },
    series: () => {
      const names = Object.keys(lines.at(-1)?.losses ?? {});
      return names.map((name) => ({
        name,
        smoothOver,
        points: lines.map(({ steps, losses }) => [steps, losses[name] ?? Number.NaN] as const),
      }));
    },
    close: async () => {
      file.end();
      await finished(file);
    },
  };
};
