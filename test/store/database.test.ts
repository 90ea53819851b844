import { copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openConnection } from "../../src/store/connection.js";
import { type Database, openDatabase } from "../../src/store/index.js";
import { migrate, schemaVersion } from "../../src/store/migrate.js";
import { temporaryFolders } from "../registry/modelFixture.js";
import type { LedgerProgram } from "./ledger.js";

const temporaryFolder = temporaryFolders();
const module = new URL("./ledger.js", import.meta.url);
const open = (path: string, more: { readOnly?: boolean; capacity?: number } = {}): Promise<Database<LedgerProgram>> =>
  openDatabase<LedgerProgram>({ path, module, ...more });

describe("a database", () => {
  it("commits what waits together; what fails is undone by itself", async () => {
    const path = join(await temporaryFolder(), "ledger.db");
    await using database = await open(path);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 300 }, (_, index) => database.write(index % 50 === 7 ? "addAndFail" : "add", index)),
    );
    const refused = outcomes.filter(({ status }) => status === "rejected") as PromiseRejectedResult[];
    expect(refused.map(({ reason }) => reason.code)).toEqual(Array(6).fill("LABEL_CONFLICT"));
    expect(await database.read("sum", null)).toEqual({ count: 294, transactions: expect.any(Number) });
    expect((await database.read("sum", null)).transactions).toBeLessThanOrEqual(4);
    await database.check();
    // A second one looks on, and sees what is committed.
    await using reader = await open(path, { readOnly: true });
    expect((await reader.read("sum", null)).count).toBe(294);
    await expect(reader.write("add", 1)).rejects.toMatchObject({ code: "STORE_FAILED" });
  });

  it("takes so many and no more; those it took are written when it closes", async () => {
    const path = join(await temporaryFolder(), "ledger.db");
    const database = await open(path, { capacity: 100 });
    const outcomes = Array.from({ length: 120 }, (_, index) => database.write("add", index));
    const settled = Promise.allSettled(outcomes);
    await database[Symbol.asyncDispose]();
    const refused = (await settled).flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason.code] : []));
    expect(refused).toEqual(Array(20).fill("STORE_BUSY"));
    await expect(database.read("sum", null)).rejects.toMatchObject({ code: "STORE_FAILED" });
    await using again = await open(path);
    expect((await again.read("sum", null)).count).toBe(100);
  });
});

const steps = [
  "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1)",
  "ALTER TABLE a ADD COLUMN y INTEGER",
  "CREATE TABLE b (x) ; INSERT INTO nowhere VALUES (1)",
];

describe("migrations", () => {
  it("bring an older database up to date, its copy kept beside it", async () => {
    const folder = await temporaryFolder();
    const path = join(folder, "a.db");
    const connection = openConnection(path, { readOnly: false });
    migrate(connection, path, steps.slice(0, 1));
    expect((await readdir(folder)).filter((name) => name.includes("before"))).toEqual([]);
    migrate(connection, path, steps.slice(0, 2));
    expect(connection.sql("SELECT * FROM a").all()).toEqual([{ x: 1, y: null }]);
    // A step that fails leaves the version before it, whole.
    expect(() => migrate(connection, path, steps)).toThrow(expect.objectContaining({ code: "STORE_FAILED" }));
    expect(schemaVersion(connection)).toBe(2);
    expect(connection.sql("SELECT name FROM sqlite_master WHERE name = 'b'").all()).toEqual([]);
    connection.close();
    const copy = openConnection(join(folder, "a.db.before-2"), { readOnly: true });
    expect([schemaVersion(copy), copy.sql("SELECT * FROM a").all()]).toEqual([1, [{ x: 1 }]]);
    copy.close();
  });

  it("leave a newer one alone", async () => {
    const path = join(await temporaryFolder(), "ledger.db");
    const connection = openConnection(path, { readOnly: false });
    connection.exec("PRAGMA user_version = 99");
    connection.close();
    for (const readOnly of [false, true])
      await expect(open(path, { readOnly })).rejects.toMatchObject({ code: "STORE_NEWER" });
  });
});

describe("a damaged file", () => {
  it("is told, not worked with", async () => {
    const folder = await temporaryFolder();
    const path = join(folder, "ledger.db");
    {
      await using database = await open(path);
      await Promise.all(Array.from({ length: 500 }, (_, index) => database.write("add", index)));
    }
    const bytes = await readFile(path);
    await mkdir(join(folder, "damaged"));
    const damaged = join(folder, "damaged", "ledger.db");
    await copyFile(path, damaged);
    // The page of the table's root, but not the header.
    await writeFile(damaged, Buffer.concat([bytes.subarray(0, 4096), Buffer.alloc(bytes.length - 4096, 0x5a)]));
    await expect(
      (async () => {
        await using database = await open(damaged);
        await database.check();
      })(),
    ).rejects.toMatchObject({ code: "STORE_DAMAGED" });
  });
});
