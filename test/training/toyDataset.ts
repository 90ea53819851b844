import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encodePng } from "../../src/pictures/index.js";
import { radiusUm, type ToyCell, toyFrame } from "../detection/toySmear.js";

const names = ["RBC", "WBC", "Platelets", "LY"] as const;
const classIndex = { erythrocyte: 0, leukocyte: 1, platelet: 2, lymphocyte: 3 } as const;

export interface ToyField {
  readonly painted: readonly ToyCell[];
  /** Default: what is painted. */
  readonly labelled?: readonly ToyCell[];
}

export const toyUmPerPixel = 0.15;
export const toySize = { width: 420, height: 300 } as const;

/** Writes fields of the toy's discs as a YOLO data set with one split, `val`. */
export const writeToyDataset = async (folder: string, fields: readonly ToyField[]): Promise<void> => {
  await mkdir(join(folder, "images", "val"), { recursive: true });
  await mkdir(join(folder, "labels", "val"), { recursive: true });
  await writeFile(join(folder, "data.yaml"), `val: images/val\nnames: [${names.join(", ")}]\n`);
  for (const [index, { painted, labelled = painted }] of fields.entries()) {
    const frame = toyFrame(painted, { ...toySize, umPerPixel: toyUmPerPixel });
    await writeFile(join(folder, "images", "val", `field${index}.png`), await encodePng(frame));
    const lines = labelled.map(({ kind, x, y }) => {
      const side = (2 * radiusUm(kind)) / toyUmPerPixel;
      const numbers = [x / toySize.width, y / toySize.height, side / toySize.width, side / toySize.height];
      return `${classIndex[kind]} ${numbers.join(" ")}`;
    });
    await writeFile(join(folder, "labels", "val", `field${index}.txt`), `${lines.join("\n")}\n`);
  }
};
