import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { writeFileDurably } from "../../../store/index.js";

const progressSchema = z.object({
  /** Time of work so far. */
  workMs: z.number(),
  /** Steps that are behind, and what came of them. */
  painter: z.object({ model: z.string().optional() }).optional(),
  paint: z.object({ datasets: z.array(z.string()) }).optional(),
  /** Work that the detector may take, fixed when it began; in steps where these were asked for. */
  detectorMs: z.number().optional(),
  detector: z.object({ model: z.string() }).optional(),
  classifier: z.object({ model: z.string().optional() }).optional(),
  candidates: z.array(z.string()).optional(),
});
export type JobProgress = z.infer<typeof progressSchema>;

/** What a training has behind it, so that the next process goes on from there. */
export class ProgressFile {
  readonly #path: string;
  #progress: JobProgress;

  private constructor(path: string, progress: JobProgress) {
    this.#path = path;
    this.#progress = progress;
  }

  /** @throws CytoError STORE_FAILED where the folder cannot be read */
  static async open(folder: string): Promise<ProgressFile> {
    const path = join(folder, "progress.json");
    const text = await readFile(path, "utf8").catch(() => undefined);
    const parsed = text === undefined ? undefined : progressSchema.safeParse(parseJson(text));
    // Each step can be done again: what cannot be read is begun anew.
    return new ProgressFile(path, parsed?.success ? parsed.data : { workMs: 0 });
  }

  get value(): JobProgress {
    return this.#progress;
  }

  async note(change: Partial<JobProgress>): Promise<void> {
    const next = { ...this.#progress, ...change };
    await writeFileDurably(this.#path, `${JSON.stringify(next)}\n`);
    this.#progress = next;
  }
}

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
