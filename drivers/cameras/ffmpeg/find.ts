import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { FoundCamera } from "../../contract.js";

const videoDevice = /^video(\d+)$/;

/** The kernel's own list; of a camera's several devices the first, with index 0, gives its pictures. */
const kernelList = "/sys/class/video4linux";

const lineOf = async (path: string): Promise<string | undefined> =>
  (await readFile(path, "utf8").catch(() => undefined))?.trim();

/** Video4Linux devices, by what Linux tells of them (Documentation/ABI/stable/sysfs-class-video4linux). */
export const findVideoDevices = async (folder = kernelList): Promise<readonly FoundCamera[]> => {
  const names = await readdir(folder).catch(() => []);
  const found = await Promise.all(
    names
      .flatMap((name) => (videoDevice.test(name) ? [name] : []))
      .sort((a, b) => Number(videoDevice.exec(a)![1]) - Number(videoDevice.exec(b)![1]))
      .map(async (name) => {
        const [title, index] = await Promise.all([
          lineOf(join(folder, name, "name")),
          lineOf(join(folder, name, "index")),
        ]);
        return { source: `/dev/${name}`, title, first: index === undefined || index === "0" };
      }),
  );
  return found.filter(({ first }) => first).map(({ source, title }) => ({ source, title }));
};
