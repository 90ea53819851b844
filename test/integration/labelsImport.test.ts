import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { encodeJpeg } from "../../src/pictures/index.js";
import { smear } from "../labels/smear.js";
import { runCommand, startDaemonProcess } from "./program.js";
import { openToySetting, type ToySetting } from "./toySetting.js";

vi.setConfig({ testTimeout: 180_000 });

let toy: ToySetting;
beforeAll(async () => {
  toy = await openToySetting();
});
afterAll(() => toy.remove());

const fields = 30;

it("labels are imported through the daemon that holds the data directory, and read beside it", async () => {
  const source = await toy.smears("smears", 2);
  const dir = ["--data-dir", join(toy.folder, "laboratory")];
  const set = join(toy.folder, "set");
  await mkdir(set);
  const lines = ["picture,class,left,top,right,bottom"];
  for (let index = 0; index < fields; index++) {
    await writeFile(join(set, `${index}.jpg`), await encodeJpeg(smear(index)));
    lines.push(`${index}.jpg,RBC,5,5,30,30`);
  }
  lines.push("7.jpg,RBC,90,5,30,30");
  await writeFile(join(set, "labels.csv"), lines.join("\n"));
  const live = ["camera.name=folder", `camera.source=${source}`, "camera.options.repeat=true"];
  const settings = [...toy.settings, ...live, `dataDir=${dir[1]}`, "training.enabled=false"];
  await using daemon = await startDaemonProcess(settings);
  const first = await runCommand("labels", "import", set, "--json", ...dir);
  expect(first.code, first.stderr).toBe(1);
  expect(JSON.parse(first.stdout)).toMatchObject({
    imported: fields,
    repeated: 0,
    faults: [{ message: "the box has a negative size" }],
  });
  const again = await runCommand("labels", "import", set, "--json", ...dir);
  expect(JSON.parse(again.stdout)).toMatchObject({ imported: fields, repeated: fields });
  const stats = await runCommand("labels", "stats", "--json", ...dir);
  expect(JSON.parse(stats.stdout)).toMatchObject({ fields: { confirmed: fields - 1, corrected: 1 } });
  const backup = await runCommand("backup", join(toy.folder, "backup.tar"), ...dir);
  expect(backup.code, backup.stderr).toBe(0);
  expect((await daemon.stop()).code).toBe(0);
});
