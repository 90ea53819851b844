import { createWriteStream, type WriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import type { JobRecord } from "./desk.js";

type Loss = JobRecord["losses"][number];

/** Points of one curve that are shown, at most. */
const shownPoints = 240;

/** At most so many points of each curve, evenly chosen, the first and the newest among them. */
export const decimate = (losses: readonly Loss[], most = shownPoints): readonly Loss[] => {
  const curves = new Map<string, Loss[]>();
  for (const loss of losses) {
    const curve = curves.get(loss.name);
    if (curve) curve.push(loss);
    else curves.set(loss.name, [loss]);
  }
  return [...curves.values()].flatMap((curve) => {
    if (curve.length <= most) return curve;
    return Array.from({ length: most }, (_, index) => curve[Math.round((index * (curve.length - 1)) / (most - 1))]!);
  });
};

const fileOf = (folder: string): string => join(folder, "losses.jsonl");

/** What was written; a torn last line is passed over. */
export const readLosses = async (folder: string): Promise<readonly Loss[]> => {
  const text = await readFile(fileOf(folder), "utf8").catch(() => "");
  return text.split("\n").flatMap((line): Loss[] => {
    try {
      const { step, losses } = JSON.parse(line) as { step: number; losses: Record<string, number> };
      return Object.entries(losses).map(([name, value]) => ({ step, name, value }));
    } catch {
      return [];
    }
  });
};

/** The losses of a job, kept in its folder; they may be lost in a crash, for they are no result. */
export class LossSeries {
  readonly #file: WriteStream;
  #failed = false;

  constructor(folder: string) {
    this.#file = createWriteStream(fileOf(folder), { flags: "a" });
    // A full disk costs the curve, not the training.
    this.#file.on("error", () => {
      this.#failed = true;
    });
  }

  note(step: number, losses: Readonly<Record<string, number>>): void {
    if (!this.#failed) this.#file.write(`${JSON.stringify({ step, losses })}\n`);
  }

  async close(): Promise<void> {
    this.#file.end();
    await finished(this.#file).catch(() => undefined);
  }
}
