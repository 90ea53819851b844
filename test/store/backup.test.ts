import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  backUp,
  directoryHolder,
  type LaboratoryPaths,
  laboratoryPaths,
  lockDirectory,
  openJournal,
  restore,
} from "../../src/store/index.js";
import { decodeTarHeader, encodeTarHeader } from "../../src/store/tar.js";
import { jpegOf, labelOf, openLaboratory } from "../labels/smear.js";
import { temporaryFolders } from "../registry/modelFixture.js";
import { requireTool } from "../requirements.js";

const temporaryFolder = temporaryFolders();

describe("tar headers", () => {
  const name = fc
    .array(fc.stringMatching(/^[a-zA-Z0-9_][a-zA-Z0-9._ä-]{0,19}$/), { minLength: 1, maxLength: 7 })
    .map((parts) => parts.join("/"));

  it("come back as they were written", () => {
    fc.assert(
      fc.property(name, fc.nat(2 ** 31), fc.nat(2 ** 31), (path, size, modified) => {
        const entry = { name: path, size, modified };
        expect(decodeTarHeader(encodeTarHeader(entry))).toEqual(entry);
      }),
    );
  });

  it("that were changed, or name what is outside, are refused", () => {
    const header = encodeTarHeader({ name: "a/b", size: 5, modified: 1 });
    fc.assert(
      fc.property(fc.nat(511), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const changed = header.slice();
        changed[at]! ^= by;
        // The checksum's own padding says nothing.
        if (at < 148 || at > 155) expect(() => decodeTarHeader(changed)).toThrow();
      }),
    );
    for (const path of ["../a", "/a", "a/../../b", "a//b", "C:/a", "a\\b"])
      expect(() => decodeTarHeader(encodeTarHeader({ name: path, size: 0, modified: 0 })), path).toThrow();
  });
});

describe("a backup", () => {
  let folder = "";
  let file = "";
  let paths: LaboratoryPaths;
  let field = "";
  let sha256 = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "cytostream-backup-"));
    file = join(folder, "backup.tar");
    await using laboratory = await openLaboratory(join(folder, "laboratory"));
    const { desk } = laboratory;
    ({ paths } = laboratory);
    ({ sha256 } = await desk.addPicture(await jpegOf(1)));
    ({ field } = await desk.submit(labelOf({ picture: sha256 })));
    await mkdir(join(paths.models, "unet", "1.0.0"), { recursive: true });
    await writeFile(join(paths.models, "unet", "1.0.0", "model.onnx"), "weights");
    await mkdir(join(paths.jobs, "7", "work"), { recursive: true });
    await writeFile(join(paths.jobs, "7", "job.json"), "{}");
    await writeFile(join(paths.jobs, "7", "work", "checkpoint.bin"), "large");
    await using journal = await openJournal(paths.promotions, (value) => value);
    await journal.append({ promoted: "unet@1.0.0" });
    // While labels come in.
    const [report] = await Promise.all([
      backUp(paths, file),
      ...Array.from({ length: 50 }, () => desk.submit(labelOf({ picture: sha256 }))),
    ]);
    expect(report).toMatchObject({ file, files: 5 });
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("is restored whole, and leaves nothing beside it", async () => {
    const target = laboratoryPaths(join(folder, "restored", "laboratory"));
    const report = await restore(target, file);
    expect(report).toEqual({ root: target.root, files: 5 });
    await using laboratory = await openLaboratory(target.root);
    expect(await laboratory.desk.field(field)).toMatchObject({ field, revision: 1 });
    expect((await laboratory.desk.picture(sha256))?.bytes).toEqual(Buffer.from(await jpegOf(1)));
    expect(await readFile(join(target.models, "unet", "1.0.0", "model.onnx"), "utf8")).toBe("weights");
    await using journal = await openJournal(target.promotions, (value) => value);
    expect(journal.entries).toEqual([{ promoted: "unet@1.0.0" }]);
    expect(await readdir(join(folder, "restored"))).toEqual(["laboratory"]);
    expect((await readdir(folder)).filter((name) => name.endsWith("part"))).toEqual([]);
  });

  it("does not replace what is there unless forced, and then keeps it", async () => {
    const target = laboratoryPaths(join(folder, "old"));
    await mkdir(target.root);
    await writeFile(join(target.root, "note.txt"), "mine");
    await expect(restore(target, file)).rejects.toMatchObject({ code: "DATA_DIRECTORY_NOT_EMPTY" });
    {
      await using _lock = await lockDirectory(target);
      await expect(restore(target, file, { force: true })).rejects.toMatchObject({ code: "DATA_DIRECTORY_BUSY" });
    }
    const { kept } = await restore(target, file, { force: true });
    expect(await readdir(kept!)).toEqual(["note.txt"]);
    expect((await readdir(target.root)).sort()).toEqual([
      "jobs",
      "laboratory.db",
      "models",
      "pictures",
      "promotions.journal",
    ]);
  });

  it("that was cut off or changed anywhere is refused, and nothing is left of it", async () => {
    const bytes = await readFile(file);
    const damaged = join(folder, "damaged.tar");
    const target = laboratoryPaths(join(folder, "never"));
    const content = bytes.indexOf("weights");
    for (const make of [
      () => bytes.subarray(0, bytes.length - 3000),
      () => bytes.subarray(0, 100),
      () => Buffer.concat([bytes.subarray(0, content), Buffer.from("W"), bytes.subarray(content + 1)]),
    ]) {
      await writeFile(damaged, make());
      await expect(restore(target, damaged)).rejects.toMatchObject({ code: "STORE_DAMAGED" });
    }
    expect((await readdir(folder)).filter((name) => name.startsWith("never"))).toEqual([]);
  });

  it.skipIf(!requireTool("tar"))("is read by tar (needs tar)", async () => {
    const listed = spawnSync("tar", ["-tf", file], { encoding: "utf8" });
    expect(listed.stderr).toBe("");
    expect(listed.stdout.split("\n")).toEqual(
      expect.arrayContaining(["laboratory.db", "models/unet/1.0.0/model.onnx", "jobs/7/job.json", "manifest.json"]),
    );
    expect(spawnSync("tar", ["-xOf", file, "models/unet/1.0.0/model.onnx"], { encoding: "utf8" }).stdout).toBe(
      "weights",
    );
  });
});

describe("the lock of a data directory", () => {
  it("is one process's, tells where it can be asked, and goes with it", async () => {
    const paths = laboratoryPaths(join(await temporaryFolder(), "laboratory"));
    expect(await directoryHolder(paths)).toBeUndefined();
    {
      await using lock = await lockDirectory(paths);
      await expect(lockDirectory(paths)).rejects.toMatchObject({ code: "DATA_DIRECTORY_BUSY" });
      await lock.noteUrl("http://127.0.0.1:8480");
      expect(await directoryHolder(paths)).toMatchObject({ pid: process.pid, url: "http://127.0.0.1:8480" });
    }
    expect(await readdir(paths.root)).toEqual([]);
  });

  it.each([
    ["a dead process", JSON.stringify({ pid: 2 ** 22 + 1, since: Date.now() })],
    ["a process that began after it", JSON.stringify({ pid: process.pid, since: 1000 })],
    ["half a write", '{"pid": 1'],
    ["nothing", ""],
  ])("left by %s is taken over, by one of many", async (_, text) => {
    const paths = laboratoryPaths(await temporaryFolder());
    await writeFile(paths.lock, text);
    const outcomes = await Promise.allSettled(Array.from({ length: 12 }, () => lockDirectory(paths)));
    const locks = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
    expect(locks).toHaveLength(1);
    expect(await directoryHolder(paths)).toMatchObject({ pid: process.pid });
    await locks[0]![Symbol.asyncDispose]();
    expect(await readdir(paths.root)).toEqual([]);
    await using file = await open(paths.lock, "a");
    expect((await file.stat()).size).toBe(0);
  });
});
