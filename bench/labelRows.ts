import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { type CellClass, createRandom, leukocyteClasses, type Random } from "../src/core/index.js";
import { proceduresOf } from "../src/labels/database/program.js";
import { migrations } from "../src/labels/database/schema.js";
import type { FieldCell, ReviewState } from "../src/labels/index.js";
import { newLabel } from "../src/labels/labelDesk.js";
import { looksOf } from "../src/labels/lookAlikes.js";
import { thumbnailSide } from "../src/labels/thumbnail.js";
import { openConnection } from "../src/store/connection.js";
import type { LaboratoryPaths } from "../src/store/index.js";
import { migrate } from "../src/store/migrate.js";

/** Fields of each picture: what is labelled again shows the same. */
const fieldsPerPicture = 50;
const perTransaction = 10_000;

const stateOf = (index: number): ReviewState =>
  index % 10 < 5 ? "confirmed" : index % 10 < 8 ? "proposed" : index % 10 === 8 ? "corrected" : "rejected";

/** Discs at random, as the cells of a field are in its thumbnail. */
const thumbnail = (random: Random): Int8Array => {
  const grey = new Float32Array(thumbnailSide * thumbnailSide).fill(60);
  for (let disc = 0; disc < 20; disc++) {
    const [x, y, radius] = [random.next() * thumbnailSide, random.next() * thumbnailSide, 1 + 2 * random.next()];
    grey.forEach((_, at) => {
      if (Math.hypot((at % thumbnailSide) - x, Math.floor(at / thumbnailSide) - y) < radius) grey[at]! -= 50;
    });
  }
  return Int8Array.from(grey, (value) => Math.max(value, -127));
};

const cellsOf = (random: Random): FieldCell[] =>
  Array.from({ length: 6 }, (_, index) => {
    const [left, top] = [random.int(600), random.int(440)];
    const rare = random.int(1000) === 0 ? "basophil" : leukocyteClasses[random.int(2) * 3]!;
    const cellClass: CellClass = index === 0 ? rare : "erythrocyte";
    return { cellClass, box: { left, top, right: left + 32, bottom: top + 32 }, confidence: random.next() };
  });

const sha256Of = (index: number): string => createHash("sha256").update(`picture ${index}`).digest("hex");

/**
 * Fills a database with labelled fields through the procedures that the desk uses, in this thread and in large transactions; pictures'
 * files are left out: they would say nothing about queries.
 */
export const fillLabels = async (
  paths: LaboratoryPaths,
  labels: number,
): Promise<{ readonly pictures: number; readonly bytes: number }> => {
  const connection = openConnection(paths.database, { readOnly: false });
  migrate(connection, paths.database, migrations);
  connection.exec("PRAGMA synchronous = OFF");
  const { reads, writes } = proceduresOf(connection);
  const random = createRandom(1);
  const inTransactions = (count: number, act: (index: number) => void): void => {
    for (let index = 0; index < count; index++) {
      if (index % perTransaction === 0) connection.exec("BEGIN");
      act(index);
      if (index % perTransaction === perTransaction - 1 || index === count - 1) connection.exec("COMMIT");
    }
  };
  const pictures = Math.ceil(labels / fieldsPerPicture);
  inTransactions(pictures, (index) => {
    const looks = thumbnail(random);
    writes.addPicture({
      ...{ sha256: sha256Of(index), mediaType: "image/jpeg", bytes: 50_000, widthPx: 640, heightPx: 480, addedAtMs: 0 },
      looks: {
        thumbnail: new Uint8Array(looks.buffer),
        signature: new Uint8Array(looksOf(looks).signature.buffer),
        stain: { background: { red: 230, green: 220 + random.int(10), blue: 230 } },
      },
    });
  });
  for (let more = true; more; ) {
    const search = reads.lookAlikes(null);
    writes.group(search.found);
    ({ more } = search);
  }
  inTransactions(labels, (index) => {
    const label = {
      ...{ id: `label-${index}`, picture: sha256Of(index % pictures), cells: cellsOf(random), state: stateOf(index) },
      ...{ author: `person ${index % 20}`, origin: { slide: `slide ${index % 5000}` } },
    };
    writes.submit(newLabel(label, index));
  });
  connection.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  connection.close();
  return { pictures, bytes: (await stat(paths.database)).size };
};
