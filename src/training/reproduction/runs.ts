import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { CytoError } from "../../core/index.js";
import { fingerprintOf } from "../trainer/index.js";

/** What a run came to. */
const resultSchema = z.strictObject({
  version: z.literal(1),
  name: z.string(),
  /** Of `identity`. */
  fingerprint: z.string(),
  /** Everything that decides the run. */
  identity: z.json(),
  /** Wall-clock time that it took, s: of a training in all calls together. */
  seconds: z.number(),
  /** Optimiser steps, where it trained. */
  steps: z.number().optional(),
  machine: z.string(),
  figures: z.json(),
});

export type RunResult = z.infer<typeof resultSchema>;
type Json = RunResult["identity"];

/** Identities come from JSON and go there: what cannot be in it is left out. */
const plain = (value: unknown): Json => JSON.parse(JSON.stringify(value)) as Json;

const leaves = (value: Json, path: string): [string, string][] =>
  value !== null && typeof value === "object"
    ? Object.entries(value).flatMap(([key, inner]) => leaves(inner, path === "" ? key : `${path}.${key}`))
    : [[path, JSON.stringify(value)]];

/** The first differences of two identities, for people. */
const differencesOf = (then: Json, now: Json): string => {
  const [before, after] = [new Map(leaves(then, "")), new Map(leaves(now, ""))];
  const keys = [...new Set([...before.keys(), ...after.keys()])].filter((key) => before.get(key) !== after.get(key));
  const told = keys
    .slice(0, 3)
    .map((key) => `${key} was ${before.get(key) ?? "not there"}, is ${after.get(key) ?? "not there"}`);
  return told.join("; ") + (keys.length > 3 ? `; and ${keys.length - 3} more` : "");
};

const writeWhole = async (path: string, value: unknown): Promise<void> => {
  const file = await open(`${path}.new`, "w");
  try {
    await file.writeFile(`${JSON.stringify(value, null, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
};

const readJson = async (path: string): Promise<unknown> => {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new CytoError("CHECKPOINT_INVALID", `${path} cannot be read`, { cause: error });
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CytoError("CHECKPOINT_INVALID", `${path} is not JSON`, { cause: error });
  }
};

const begunSchema = z.strictObject({ version: z.literal(1), identity: z.json() });

/**
 * The runs of a reproduction, a folder each: `run.json` says what it is and lies there from its beginning, `result.json`
 * when it is done. A run is taken for what it says it is and nothing else.
 */
export class Runs {
  readonly #directory: string;
  /** Folder of pictures that are kept from one run to the next. */
  readonly cache: string;

  constructor(out: string) {
    this.#directory = join(out, "runs");
    this.cache = join(out, "cache");
  }

  folder(name: string): string {
    return join(this.#directory, name);
  }

  /** What a finished run came to; undefined where it is not finished. @throws CytoError CHECKPOINT_INVALID */
  async result(name: string): Promise<RunResult | undefined> {
    const path = join(this.folder(name), "result.json");
    const value = await readJson(path);
    if (value === undefined) return undefined;
    const parsed = resultSchema.safeParse(value);
    if (!parsed.success || parsed.data.name !== name || parsed.data.fingerprint !== fingerprintOf(parsed.data.identity))
      throw new CytoError("CHECKPOINT_INVALID", `${path} is damaged or of another run`);
    return parsed.data;
  }

  /** Names of all folders of runs, sorted. */
  async names(): Promise<readonly string[]> {
    const entries = await readdir(this.#directory, { withFileTypes: true }).catch(() => []);
    return entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).sort();
  }

  /**
   * Begins a run, or finds that it has begun. A run of the same name that was begun as something else is refused, or, with
   * `redo`, thrown away.
   * @returns its result where it is finished
   * @throws CytoError CHECKPOINT_INVALID naming what differs
   */
  async begin(name: string, identity: unknown, redo: boolean): Promise<RunResult | undefined> {
    const folder = this.folder(name);
    const path = join(folder, "run.json");
    const begun = begunSchema.safeParse(await readJson(path));
    const now = plain(identity);
    if (begun.success && fingerprintOf(begun.data.identity) !== fingerprintOf(now)) {
      if (!redo)
        throw new CytoError(
          "CHECKPOINT_INVALID",
          `${folder} is a run with other settings: ${differencesOf(begun.data.identity, now)}`,
          { remedy: "Give the settings that it was begun with, another --out, or --redo to throw it away." },
        );
      await rm(folder, { recursive: true, force: true });
    }
    const result = await this.result(name);
    if (result) return result;
    await mkdir(folder, { recursive: true });
    await writeWhole(path, { version: 1, identity: now });
    return undefined;
  }

  /** Writes what a run came to. Its checkpoint, which nobody goes on from, is removed. */
  async finish(name: string, identity: unknown, result: Pick<RunResult, "seconds" | "steps" | "machine" | "figures">) {
    const now = plain(identity);
    const whole = { version: 1 as const, name, fingerprint: fingerprintOf(now), identity: now, ...result };
    await writeWhole(join(this.folder(name), "result.json"), whole);
    for (const spent of ["checkpoint.bin", "checkpoint.bin.before"])
      await rm(join(this.folder(name), spent), { force: true });
    return whole;
  }
}
