import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { copyFile, mkdtemp, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createRandom, launchOf, type Random } from "../../src/core/index.js";
import { openJournal, readJournal, writeFileDurably } from "../../src/store/index.js";
import { jpegOf, labelOf, openLaboratory } from "../labels/smear.js";
import { requireTool } from "../requirements.js";
import { pass, quantile, tell, times, untilTrue } from "./counts.js";

// A process is started for each of two hundred kills.
vi.setConfig({ testTimeout: 3_600_000 });

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cytostream-faults-labels-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Kept {
  readonly kept: string;
  readonly id: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** A process that takes labels in, and what it said was kept and refused. */
class IntakeProcess {
  readonly kept: Kept[] = [];
  readonly refused: string[] = [];
  readonly child: ChildProcess;
  readonly closed: Promise<unknown>;
  open = false;
  done = false;

  constructor(root: string, seed: number, options: { most?: number; wrap?: readonly string[] } = {}) {
    const { url, execArgv } = launchOf(new URL("./labelIntake.js", import.meta.url));
    const words = [process.execPath, ...execArgv, url.pathname, root, String(seed), String(options.most ?? 1e6)];
    const [program, ...rest] = [...(options.wrap ?? []), ...words];
    this.child = spawn(program!, rest, { stdio: ["ignore", "pipe", "inherit"] });
    this.closed = once(this.child, "close");
    createInterface({ input: this.child.stdout! }).on("line", (line) => {
      const said = JSON.parse(line) as Partial<Kept> & { refused?: string; open?: boolean; done?: boolean };
      if (said.kept !== undefined) this.kept.push(said as Kept);
      if (said.refused !== undefined) this.refused.push(said.refused);
      this.open ||= said.open === true;
      this.done ||= said.done === true;
    });
  }

  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.closed;
  }
}

/** Every acknowledged label is there, with its picture, byte for byte. */
const missing = async (root: string, kept: readonly Kept[]): Promise<string[]> => {
  await using laboratory = await openLaboratory(root);
  const { desk, database } = laboratory;
  await database.check();
  const lost: string[] = [];
  for (const { kept: field, id, sha256, bytes } of kept) {
    const record = await desk.field(field);
    const picture = await desk.picture(sha256);
    const sound =
      picture && picture.bytes.length === bytes && createHash("sha256").update(picture.bytes).digest("hex") === sha256;
    if (record?.picture.sha256 !== sha256 || !sound) lost.push(id);
  }
  const { fields } = await desk.stats();
  let counted = 0;
  for await (const _ of desk.walk()) counted++;
  if (Object.values(fields).reduce((sum, count) => sum + count, 0) !== counted) lost.push("the counters are wrong");
  return lost;
};

describe("label intake killed at any moment (promise 1)", () => {
  const kills = times(200, 6);

  it(`${kills} times: no acknowledged label lost, integrity ok`, async () => {
    const root = join(folder, "killed");
    const random = createRandom(1);
    const kept: Kept[] = [];
    for (let round = 0; round < kills; round++) {
      const intake = new IntakeProcess(root, round);
      await untilTrue(() => intake.open, 10);
      await pass(400 * random.next());
      await intake.kill();
      kept.push(...intake.kept);
    }
    const lost = await missing(root, kept);
    tell(1, { kills, acknowledged: kept.length, lost: lost.length });
    expect(kept.length).toBeGreaterThan(0);
    expect(lost).toEqual([]);
  });
});

/** What a write that a crash cut off may leave: bytes cut at any place, some of the last ones not what they were. */
const tear = async (path: string, from: number, random: Random): Promise<void> => {
  const { size } = await stat(path);
  // It may also have been whole.
  if (random.int(4) === 0) return;
  const end = from + random.int(Math.max(1, size - from + 1));
  await truncate(path, end);
  if (random.int(2) === 0 || end === from) return;
  const bytes = await readFile(path);
  for (let at = Math.max(from, end - 1 - random.int(40)); at < end; at++) bytes[at] = random.int(256);
  await writeFile(path, bytes);
};

describe("torn and short writes (promise 2)", () => {
  const seeds = times(200, 40);

  it(`of journals, ${seeds} seeds: the old state or the new one, and it goes on`, async () => {
    const outcomes = { old: 0, new: 0, other: 0 };
    for (let seed = 0; seed < seeds; seed++) {
      const random = createRandom(seed);
      const path = join(folder, `journal-${seed}`);
      const entries = Array.from({ length: random.int(8) }, (_, index) => ({
        index,
        text: "x".repeat(random.int(90)),
      }));
      {
        await using journal = await openJournal(path, (value) => value);
        for (const entry of entries) await journal.append(entry);
      }
      const { size } = await stat(path);
      const last = { last: "y".repeat(random.int(200)) };
      {
        await using journal = await openJournal(path, (value) => value);
        await journal.append(last);
      }
      await tear(path, size, random);
      const looked = await readJournal(path, (value) => value);
      await using journal = await openJournal(path, (value) => value);
      const state = JSON.stringify(journal.entries);
      const isOld = state === JSON.stringify(entries);
      const isNew = state === JSON.stringify([...entries, last]);
      outcomes[isOld ? "old" : isNew ? "new" : "other"]++;
      expect(JSON.stringify(looked)).toBe(state);
      await journal.append({ after: seed });
      expect(journal.entries.at(-1)).toEqual({ after: seed });
    }
    tell(2, { seeds, ...outcomes });
    expect(outcomes.other).toBe(0);
  });

  const logs = times(200, 4);

  it(`of the database's log, ${logs} seeds: a state that was committed, and it is sound`, async () => {
    const root = join(folder, "logged");
    const copies: { readonly labels: number; readonly wal: Buffer }[] = [];
    const base = join(folder, "base");
    {
      await using laboratory = await openLaboratory(root);
      const { desk, paths } = laboratory;
      const { sha256 } = await desk.addPicture(await jpegOf(1));
      await desk.grouped();
      for (let labels = 0; labels < 12; labels++) {
        await desk.submit(labelOf({ picture: sha256 }));
        copies.push({ labels: labels + 1, wal: await readFile(`${paths.database}-wal`) });
      }
      await copyFile(paths.database, base);
    }
    const outcomes = { old: 0, new: 0, other: 0 };
    for (let seed = 0; seed < logs; seed++) {
      const random = createRandom(seed);
      const torn = join(folder, `torn-${seed}`);
      const at = 1 + random.int(copies.length - 1);
      const [before, after] = [copies[at - 1]!, copies[at]!];
      const laboratory = await openLaboratory(torn);
      await laboratory[Symbol.asyncDispose]();
      await copyFile(base, laboratory.paths.database);
      await writeFile(`${laboratory.paths.database}-wal`, after.wal);
      await tear(`${laboratory.paths.database}-wal`, Math.min(before.wal.length, after.wal.length), random);
      await using again = await openLaboratory(torn);
      await again.database.check();
      const { confirmed } = (await again.desk.stats()).fields;
      outcomes[confirmed === before.labels ? "old" : confirmed === after.labels ? "new" : "other"]++;
    }
    tell(2, { logs, ...outcomes });
    expect(outcomes.other).toBe(0);
  });

  it(`of state files, ${seeds} seeds: a kill while one is replaced leaves the old or the new one`, async () => {
    const path = join(folder, "state.json");
    await writeFileDurably(path, JSON.stringify({ version: 0 }));
    for (let version = 1; version <= seeds; version++) {
      // A torn write lies beside it under a name of its own; nobody reads that.
      await writeFile(`${path}.${version}.new`, JSON.stringify({ version }).slice(0, version % 9));
      expect(JSON.parse(await readFile(path, "utf8"))).toEqual({ version: version - 1 });
      await writeFileDurably(path, JSON.stringify({ version }));
      expect(JSON.parse(await readFile(path, "utf8"))).toEqual({ version });
    }
  });
});

/** Whether this user may mount a small file system of its own. */
const mayMount = async (): Promise<boolean> => {
  const child = spawn("unshare", ["-m", "mount", "-t", "tmpfs", "-o", "size=1m", "none", "/mnt"], { stdio: "ignore" });
  const [code] = (await once(child, "close").catch(() => [1])) as [number];
  return code === 0;
};
const mounts = process.platform === "linux" && requireTool("unshare") && (await mayMount());

describe("a full disk (promise 3)", () => {
  it.skipIf(!mounts)(
    "is told as STORE_FULL; labels are kept again within 5 s of its end (needs the right to mount)",
    async () => {
      const mount = join(folder, "small");
      await writeFile(
        join(folder, "fill.sh"),
        `mkdir -p ${mount} && mount -t tmpfs -o size=3m none ${mount} && exec "$@"`,
      );
      const root = join(mount, "laboratory");
      const wrap = ["unshare", "-m", "sh", join(folder, "fill.sh")];
      const intake = new IntakeProcess(root, 1, { wrap });
      await untilTrue(() => intake.refused.length > 20);
      const keptBefore = intake.kept.length;
      // Room: the same file system, larger.
      const inside = (...words: readonly string[]): Promise<unknown> =>
        once(spawn("nsenter", ["-t", String(intake.child.pid), "-m", ...words], { stdio: "inherit" }), "close");
      const startedMs = performance.now();
      await inside("mount", "-o", "remount,size=64m", mount);
      await untilTrue(() => intake.kept.length > keptBefore, 10);
      const backMs = performance.now() - startedMs;
      await untilTrue(() => intake.kept.length > keptBefore + 20, 10);
      const copy = join(folder, "after-full");
      intake.child.kill("SIGSTOP");
      await inside("cp", "-r", root, copy);
      await intake.kill();
      const lost = await missing(copy, intake.kept);
      tell(3, { keptBefore, refused: intake.refused.length, backMs, lost: lost.length });
      expect(new Set(intake.refused)).toEqual(new Set(["STORE_FULL"]));
      expect(backMs).toBeLessThan(5000);
      expect(lost).toEqual([]);
    },
  );

  it.skipIf(!requireTool("prlimit"))("or a file that may not grow, likewise (needs prlimit)", async () => {
    const root = join(folder, "limited");
    const intake = new IntakeProcess(root, 2);
    await untilTrue(() => intake.kept.length > 5);
    const limit = (bytes: string): Promise<unknown> =>
      once(spawn("prlimit", ["--pid", String(intake.child.pid), `--fsize=${bytes}:`], { stdio: "inherit" }), "close");
    await limit("100000");
    await untilTrue(() => intake.refused.length > 20);
    const keptBefore = intake.kept.length;
    const startedMs = performance.now();
    await limit("unlimited");
    await untilTrue(() => intake.kept.length > keptBefore, 10);
    const backMs = performance.now() - startedMs;
    await intake.kill();
    const lost = await missing(root, intake.kept);
    tell(3, { refused: intake.refused.length, backMs, lost: lost.length });
    expect(new Set(intake.refused)).toEqual(new Set(["STORE_FULL"]));
    expect(backMs).toBeLessThan(5000);
    expect(lost).toEqual([]);
  });
});

describe("the same label, ten times at once (promise 4)", () => {
  const labels = times(1000, 50);

  it(`${labels} labels: one row each`, async () => {
    await using laboratory = await openLaboratory(join(folder, "same"));
    const { desk } = laboratory;
    const { sha256 } = await desk.addPicture(await jpegOf(1));
    const latencies: number[] = [];
    for (let index = 0; index < labels; index++) {
      const label = labelOf({ picture: sha256 });
      const startedMs = performance.now();
      const receipts = await Promise.all(Array.from({ length: 10 }, () => desk.submit(structuredClone(label))));
      latencies.push(performance.now() - startedMs);
      expect(receipts.filter(({ repeated }) => !repeated)).toHaveLength(1);
      expect(new Set(receipts.map(({ field }) => field)).size).toBe(1);
    }
    const { fields } = await desk.stats();
    tell(4, { labels, rows: fields.confirmed, medianMs: quantile(latencies, 0.5) });
    expect(fields.confirmed).toBe(labels);
  });
});
