import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CellClass, createRandom } from "../../src/core/index.js";
import {
  type FieldCell,
  type LabelDatabase,
  type LabelSubmission,
  type OpenLabelDesk,
  openLabelDatabase,
  openLabelDesk,
} from "../../src/labels/index.js";
import { encodeJpeg, type Picture } from "../../src/pictures/index.js";
import { type LaboratoryPaths, laboratoryPaths } from "../../src/store/index.js";

/** Fields, pictures and folders for the tests of the label store. */

export const size = { width: 160, height: 120 } as const;

/** Discs on a light ground, at places of their own for each seed. */
export const smear = (seed: number, { width, height }: { width: number; height: number } = size): Picture => {
  const random = createRandom(seed);
  const pixels = new Uint8Array(width * height * 3).fill(235);
  for (let disc = 0; disc < 14; disc++) {
    const [x, y, radius] = [random.next() * width, random.next() * height, (0.04 + 0.06 * random.next()) * width];
    const colour = [190 + 20 * random.next(), 90 + 80 * random.next(), 130 + 60 * random.next()];
    for (let row = Math.max(0, Math.floor(y - radius)); row < Math.min(height, y + radius); row++)
      for (let column = Math.max(0, Math.floor(x - radius)); column < Math.min(width, x + radius); column++)
        if (Math.hypot(column - x, row - y) < radius) pixels.set(colour, 3 * (row * width + column));
  }
  return { width, height, pixels };
};

export const jpegOf = (seed: number): Promise<Uint8Array> => encodeJpeg(smear(seed), { quality: 90 });

export const cell = (cellClass: CellClass, left: number, top: number, side = 20): FieldCell => ({
  cellClass,
  box: { left, top, right: left + side, bottom: top + side },
});

export const someCells: readonly FieldCell[] = [cell("erythrocyte", 10, 10), cell("neutrophil", 60, 40, 30)];

let labels = 0;
/** A label of its own id. */
export const labelOf = (more: Partial<LabelSubmission>): LabelSubmission => ({
  id: `label-${labels++}`,
  cells: someCells,
  state: "confirmed",
  author: "AB",
  ...more,
});

export interface Laboratory extends AsyncDisposable {
  readonly paths: LaboratoryPaths;
  readonly database: LabelDatabase;
  readonly desk: OpenLabelDesk;
}

/** Opens the laboratory in a folder; closing it leaves the folder. */
export const openLaboratory = async (root: string): Promise<Laboratory> => {
  const paths = laboratoryPaths(root);
  const database = await openLabelDatabase(paths);
  const desk = openLabelDesk(paths, database);
  return {
    ...{ paths, database, desk },
    [Symbol.asyncDispose]: async () => {
      await desk[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
};

/** A new folder that goes when the test is over. */
export const temporaryRoot = async (): Promise<AsyncDisposable & { readonly root: string }> => {
  const folder = await mkdtemp(join(tmpdir(), "cytostream-labels-"));
  return {
    root: join(folder, "laboratory"),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
};
