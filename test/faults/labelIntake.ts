import { writeSync } from "node:fs";
import { createRandom } from "../../src/core/index.js";
import { openLabelDatabase, openLabelDesk } from "../../src/labels/index.js";
import { encodeJpeg } from "../../src/pictures/index.js";
import { laboratoryPaths, lockDirectory } from "../../src/store/index.js";
import { labelOf, smear } from "../labels/smear.js";

/**
 * Takes labels into the data directory given, until it is killed; says each that was acknowledged, on standard output, after it was.
 * What fails is said too, and tried again.
 */
const [root = "", seed = "0", most = "1000000"] = process.argv.slice(2);
const random = createRandom(Number(seed));
const paths = laboratoryPaths(root);
await using _lock = await lockDirectory(paths);
await using database = await openLabelDatabase(paths);
await using desk = openLabelDesk(paths, database);

/** Written at once: what was said stays said when the process is killed. */
const say = (line: Readonly<Record<string, unknown>>): void => void writeSync(1, `${JSON.stringify(line)}\n`);

let number = 0;
const client = async (): Promise<void> => {
  while (number < Number(most)) {
    const own = number++;
    const id = `${seed}-${own}`;
    try {
      const picture = smear(random.int(2 ** 31), { width: 64, height: 48 });
      const bytes = await encodeJpeg(picture, { quality: 95 });
      const { sha256 } = await desk.addPicture(bytes);
      const cells = [{ cellClass: "erythrocyte", box: { left: 1, top: 1, right: 20, bottom: 20 } }] as const;
      const receipt = await desk.submit(labelOf({ id, picture: sha256, cells }));
      say({ kept: receipt.field, id, sha256, bytes: bytes.length });
    } catch (error) {
      const { code } = error as { code?: string };
      say({ refused: code ?? String(error) });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
};

say({ open: true });
await Promise.all(Array.from({ length: 6 }, client));
say({ done: true });
