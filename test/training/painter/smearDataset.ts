import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createRandom } from "../../../src/core/index.js";
import { encodePng } from "../../../src/pictures/index.js";

const names = ["RBC", "WBC", "Platelets", "LY", "BA"] as const;

interface Disc {
  readonly name: (typeof names)[number];
  readonly x: number;
  readonly y: number;
  readonly radius: number;
}

export interface SmearOptions {
  readonly train?: number;
  readonly val?: number;
  readonly sidePx?: number;
  readonly seed?: number;
  readonly labelled?: boolean;
}

/** A red cell is 40 px across. */
const drawDiscs = (seed: number, side: number): readonly Disc[] => {
  const random = createRandom(seed);
  const discs: Disc[] = [];
  const place = (name: Disc["name"], radius: number): void => {
    for (let tried = 0; tried < 50; tried += 1) {
      const [x, y] = [random.next() * side, random.next() * side];
      const free = discs.every((other) => Math.hypot(other.x - x, other.y - y) > other.radius + radius + 2);
      if (!free || x < radius || y < radius || x > side - radius || y > side - radius) continue;
      discs.push({ name, x, y, radius });
      return;
    }
  };
  place(seed % 2 === 0 ? "LY" : "BA", 34);
  for (let cell = 0; cell < 9; cell += 1) place("RBC", 20);
  place("Platelets", 7);
  return discs;
};

const colourAt = (discs: readonly Disc[], x: number, y: number, tint: number): readonly number[] => {
  const disc = discs.find((one) => Math.hypot(x - one.x, y - one.y) <= one.radius);
  if (!disc) return [245 - tint, 236 - tint, 210];
  const part = Math.hypot(x - disc.x, y - disc.y) / disc.radius;
  if (disc.name === "RBC") return [215 - tint, 150 + 40 * (1 - part), 160];
  if (disc.name === "Platelets") return [150, 90, 160];
  return part < 0.7 ? [95, 45, 130 + tint] : [200, 170, 215];
};

/** Writes a YOLO data set of painted discs: red cells, platelets, one leukocyte of known class in each field. */
export const writeSmearDataset = async (
  folder: string,
  { train = 5, val = 2, sidePx = 230, seed = 1, labelled = true }: SmearOptions = {},
): Promise<void> => {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "data.yaml"), `train: images/train\nval: images/val\nnames: [${names.join(", ")}]\n`);
  for (const [split, count] of [
    ["train", train],
    ["val", val],
  ] as const) {
    for (const kind of ["images", "labels"]) await mkdir(join(folder, kind, split), { recursive: true });
    for (let index = 0; index < count; index += 1) {
      const number = seed * 100 + index + (split === "val" ? 50 : 0);
      const discs = drawDiscs(number, sidePx);
      const pixels = new Uint8Array(3 * sidePx * sidePx);
      const tint = 3 * (number % 5);
      for (let at = 0; at < sidePx * sidePx; at += 1)
        pixels.set(colourAt(discs, (at % sidePx) + 0.5, Math.floor(at / sidePx) + 0.5, tint), 3 * at);
      const picture = await encodePng({ width: sidePx, height: sidePx, pixels });
      await writeFile(join(folder, "images", split, `field${index}.png`), picture);
      const lines = discs.map(({ name, x, y, radius }) => {
        const numbers = [x, y, 2 * radius, 2 * radius].map((value) => (value / sidePx).toFixed(6));
        return `${names.indexOf(name)} ${numbers.join(" ")}\n`;
      });
      await writeFile(join(folder, "labels", split, `field${index}.txt`), labelled ? lines.join("") : "");
    }
  }
};
