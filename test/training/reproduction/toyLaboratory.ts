import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type CellClass, createRandom, leukocyteClasses, type Random, taxonomy } from "../../../src/core/index.js";
import { encodePng } from "../../../src/pictures/index.js";

/** Side of a field and diameter of its red cells, px. */
const [sidePx, redCellPx] = [176, 40];

type Colour = readonly [red: number, green: number, blue: number];

interface Disc {
  readonly cellClass: CellClass;
  readonly x: number;
  readonly y: number;
  readonly radius: number;
}

const draw = (pixels: Uint8Array, { x, y, radius }: Disc, colour: Colour, random: Random): void => {
  for (let row = Math.max(Math.floor(y - radius), 0); row < Math.min(y + radius, sidePx); row++)
    for (let column = Math.max(Math.floor(x - radius), 0); column < Math.min(x + radius, sidePx); column++) {
      if ((column + 0.5 - x) ** 2 + (row + 0.5 - y) ** 2 > radius ** 2) continue;
      colour.forEach((value, channel) => {
        pixels[3 * (row * sidePx + column) + channel] = value + 4 * random.normal();
      });
    }
};

/** Nine places of which one has a leukocyte, one a platelet, the rest red cells; nothing overlaps. */
const discsOf = (leukocyte: CellClass, random: Random): readonly Disc[] =>
  Array.from({ length: 9 }, (_, place): Disc => {
    const [x, y] = [30 + 58 * (place % 3) + 4 * random.next(), 30 + 58 * Math.floor(place / 3) + 4 * random.next()];
    if (place === 4) return { cellClass: leukocyte, x, y, radius: 30 };
    if (place === 8) return { cellClass: "platelet", x, y, radius: 7 };
    return { cellClass: "erythrocyte", x, y, radius: redCellPx / 2 };
  });

export interface ToyLaboratory {
  readonly folder: string;
  readonly train: number;
  readonly val: number;
  readonly background: Colour;
  /** Whether labels name leukocytes; else they say WBC. */
  readonly named: boolean;
}

const paint = (discs: readonly Disc[], background: Colour, random: Random) => {
  const pixels = new Uint8Array(3 * sidePx * sidePx).map((_, at) => background[at % 3]! + 3 * random.normal());
  for (const disc of discs) {
    const index = (leukocyteClasses as readonly string[]).indexOf(disc.cellClass);
    if (index < 0) draw(pixels, disc, disc.cellClass === "platelet" ? [150, 90, 170] : [205, 165, 168], random);
    else {
      draw(pixels, disc, [170 - 12 * index, 150 + 8 * index, 200], random);
      draw(pixels, { ...disc, radius: 12 + 2 * index }, [105, 60, 145], random);
    }
  }
  return { width: sidePx, height: sidePx, pixels };
};

/** Writes a YOLO data set of drawn discs, splits train and val; every leukocyte class in turn. */
export const writeToyLaboratory = async ({ folder, train, val, background, named }: ToyLaboratory): Promise<void> => {
  const names = ["RBC", "PLT", ...(named ? leukocyteClasses.map((name) => taxonomy[name].abbreviation) : ["WBC"])];
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "data.yaml"), `train: images/train\nval: images/val\nnames: [${names.join(", ")}]\n`);
  for (const [split, count] of [
    ["train", train],
    ["val", val],
  ] as const) {
    await mkdir(join(folder, "images", split), { recursive: true });
    await mkdir(join(folder, "labels", split), { recursive: true });
    for (let index = 0; index < count; index++) {
      const random = createRandom(1000 * train + index + (split === "val" ? 500 : 0));
      const discs = discsOf(leukocyteClasses[index % leukocyteClasses.length]!, random);
      const id = `${split}${String(index).padStart(3, "0")}`;
      await writeFile(join(folder, "images", split, `${id}.png`), await encodePng(paint(discs, background, random)));
      const lines = discs.map(({ cellClass, x, y, radius }) => {
        const leukocyte = (leukocyteClasses as readonly string[]).indexOf(cellClass);
        const known = cellClass === "erythrocyte" ? 0 : cellClass === "platelet" ? 1 : named ? 2 + leukocyte : 2;
        return [known, x / sidePx, y / sidePx, (2 * radius) / sidePx, (2 * radius) / sidePx].join(" ");
      });
      await writeFile(join(folder, "labels", split, `${id}.txt`), `${lines.join("\n")}\n`);
    }
  }
};
