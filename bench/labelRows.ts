import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { type CellClass, createRandom, leukocyteClasses } from "../src/core/index.js";
import { type FieldCell, openLabelDatabase, type ReviewState } from "../src/labels/index.js";
import { newLabel } from "../src/labels/labelDesk.js";
import { looksOf } from "../src/labels/lookAlikes.js";
import type { LaboratoryPaths } from "../src/store/index.js";

/** Fields of each picture: a slide's neighbours and a field that is labelled again share what they show. */
const fieldsPerPicture = 5;
/** Handed over at a time. */
const atOnce = 2000;

const stateOf = (index: number): ReviewState =>
  index % 10 < 5 ? "confirmed" : index % 10 < 8 ? "proposed" : index % 10 === 8 ? "corrected" : "rejected";

/**
 * Fills a database with labelled fields through the procedures that the desk uses, pictures left out: a million JPEG files would
 * say nothing about queries.
 */
export const fillLabels = async (
  paths: LaboratoryPaths,
  labels: number,
): Promise<{ readonly pictures: number; readonly bytes: number }> => {
  await using database = await openLabelDatabase(paths, { capacity: 2 * atOnce });
  const random = createRandom(1);
  const pictures = Math.ceil(labels / fieldsPerPicture);
  const sha = (index: number): string => createHash("sha256").update(`picture ${index}`).digest("hex");
  const cells = (): FieldCell[] =>
    Array.from({ length: 6 }, (_, index) => {
      const [left, top] = [random.int(600), random.int(440)];
      const rare = random.int(1000) === 0 ? "basophil" : leukocyteClasses[random.int(2) * 3]!;
      const cellClass: CellClass = index === 0 ? rare : "erythrocyte";
      return { cellClass, box: { left, top, right: left + 32, bottom: top + 32 }, confidence: random.next() };
    });
  for (let index = 0; index < pictures; index += atOnce)
    await Promise.all(
      Array.from({ length: Math.min(atOnce, pictures - index) }, (_, at) => {
        const thumbnail = Int8Array.from({ length: 576 }, () => random.int(255) - 127);
        return database.write("addPicture", {
          ...{ sha256: sha(index + at), mediaType: "image/jpeg", bytes: 50_000, widthPx: 640, heightPx: 480 },
          ...{ addedAtMs: 0, thumbnail: new Uint8Array(thumbnail.buffer) },
          signature: new Uint8Array(looksOf(thumbnail).signature.buffer),
          stain: { background: { red: 230, green: 220 + random.int(10), blue: 230 } },
        });
      }),
    );
  for (let index = 0; index < labels; index += atOnce)
    await Promise.all(
      Array.from({ length: Math.min(atOnce, labels - index) }, (_, at) => {
        const number = index + at;
        const label = {
          ...{ id: `label-${number}`, picture: sha(number % pictures), cells: cells(), state: stateOf(number) },
          ...{ author: `person ${number % 20}`, origin: { slide: `slide ${number % 5000}` } },
        };
        return database.write("submit", newLabel(label, number));
      }),
    );
  return { pictures, bytes: (await stat(paths.database)).size };
};
