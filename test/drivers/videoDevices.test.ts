import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { findVideoDevices } from "../../drivers/cameras/ffmpeg/find.js";
import { temporaryFolder } from "./media.js";

it("finds each Video4Linux camera once, by the kernel's list", async () => {
  const { path, remove } = await temporaryFolder();
  const device = async (name: string, title: string, index: string): Promise<void> => {
    await mkdir(join(path, name));
    await writeFile(join(path, name, "name"), `${title}\n`);
    await writeFile(join(path, name, "index"), `${index}\n`);
  };
  await device("video10", "MU500", "0");
  await device("video2", "USB microscope", "0");
  // Its second device gives no pictures, but tells of them.
  await device("video3", "USB microscope", "1");
  await device("v4l-subdev0", "sensor", "0");
  expect(await findVideoDevices(path)).toEqual([
    { source: "/dev/video2", title: "USB microscope" },
    { source: "/dev/video10", title: "MU500" },
  ]);
  expect(await findVideoDevices(join(path, "absent"))).toEqual([]);
  await remove();
});
