import { execFile } from "node:child_process";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { launchOf } from "../../src/core/index.js";
import { laboratoryPaths, lockDirectory } from "../../src/store/index.js";
import { jpegOf, openLaboratory } from "../labels/smear.js";
import { temporaryFolders } from "../registry/modelFixture.js";

vi.setConfig({ testTimeout: 240_000 });

const temporaryFolder = temporaryFolders();

const cytostream = (...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> =>
  new Promise((resolve) => {
    const { url, execArgv } = launchOf(new URL("../../src/cli/cytostream.js", import.meta.url));
    execFile(process.execPath, [...execArgv, url.pathname, ...words], (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === "number" ? error.code : error ? -1 : 0, stdout, stderr });
    });
  });

const writeCsvSet = async (folder: string): Promise<void> => {
  await mkdir(folder);
  await writeFile(join(folder, "a.jpg"), await jpegOf(1));
  await writeFile(join(folder, "b.jpg"), await jpegOf(2));
  const lines = [
    "picture,class,left,top,right,bottom",
    "a.jpg,RBC,5,5,30,30",
    "b.jpg,NEU,5,5,30,30",
    "b.jpg,dust,5,5,30,30",
  ];
  await writeFile(join(folder, "labels.csv"), lines.join("\n"));
};

describe("cytostream labels", () => {
  it("imports, counts, lists, offers, exports; backup and restore carry all of it", async () => {
    const folder = await temporaryFolder();
    const set = join(folder, "set");
    await writeCsvSet(set);
    const dir = ["--data-dir", join(folder, "laboratory")];
    expect(await cytostream("labels", "stats", ...dir)).toMatchObject({
      code: 66,
      stderr: expect.stringContaining("DATA_DIRECTORY_NOT_FOUND"),
    });
    const whole = await cytostream("labels", "import", set, "--whole", ...dir);
    expect(whole).toMatchObject({ code: 65, stderr: expect.stringMatching(/labels\.csv:4: there is no class "dust"/) });
    const imported = await cytostream("labels", "import", set, "--json", ...dir);
    expect(imported.code).toBe(1);
    expect(JSON.parse(imported.stdout)).toMatchObject({ format: "csv", imported: 2, cells: 2, faults: [{}] });
    // Beside a holder, reading goes on; handing in needs its address.
    await using _lock = await lockDirectory(laboratoryPaths(dir[1]!));
    expect(await cytostream("labels", "import", set, ...dir)).toMatchObject({ code: 75 });
    const [stats, listed, next] = await Promise.all(
      [["stats"], ["list", "--class", "neutrophil"], ["next"]].map((words) =>
        cytostream("labels", ...words, "--json", ...dir),
      ),
    );
    expect(JSON.parse(stats!.stdout)).toMatchObject({
      fields: { confirmed: 1, corrected: 1 },
      cells: { erythrocyte: 1 },
      groups: 2,
    });
    const [field] = JSON.parse(listed!.stdout).fields;
    expect(field).toMatchObject({ state: "corrected", author: "import", origin: { file: "b.jpg" } });
    expect(JSON.parse(next!.stdout).offers[0].field.field).toBe(field.field);
    const out = join(folder, "out");
    const file = join(folder, "backup.tar");
    const [shown, exported, backup] = await Promise.all([
      cytostream("labels", "show", field.field, ...dir),
      cytostream("labels", "export", out, "--format", "voc", "--state", "confirmed", "corrected", ...dir),
      cytostream("backup", file, ...dir),
    ]);
    expect(shown!.stdout).toContain("neutrophil");
    expect(exported).toMatchObject({ code: 0, stdout: expect.stringContaining("2 fields with 2 cells") });
    expect(await readdir(join(out, "Annotations"))).toHaveLength(2);
    expect(backup.code).toBe(0);
    expect(await cytostream("restore", file, ...dir)).toMatchObject({ code: 75 });
    expect(await cytostream("restore", file, "--data-dir", join(folder, "other"))).toMatchObject({ code: 0 });
    await using restored = await openLaboratory(join(folder, "other"));
    expect(await restored.desk.field(field.field)).toMatchObject({ state: "corrected" });
  });
});
