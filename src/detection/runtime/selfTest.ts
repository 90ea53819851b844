import type { Cell } from "../../core/index.js";
import { demandSameCells, demandSameNames, type GoldenField, type GoldenFields } from "../golden.js";
import { CellNamer } from "./cellNamer.js";
import type { FieldSearcher, Networks } from "./fieldSearcher.js";

const pictureOf = ({ width, height, pixels }: GoldenField) => ({ width, height, pixels });

const searchedCells = async (
  searcher: FieldSearcher,
  { detector }: Networks,
  fields: readonly GoldenField[],
): Promise<Cell[][]> => {
  const found: Cell[][] = [];
  for (const field of fields) {
    const scale = { kind: "known", scale: { umPerPixel: field.umPerPixel, origin: "config" } } as const;
    const request = { picture: pictureOf(field), scale, density: false };
    found.push((await searcher.search({ detector }, request)).cells);
  }
  return found;
};

/**
 * Searches the golden fields with networks that are ready to serve.
 * @throws CytoError MODEL_SELF_TEST_FAILED where they do not find what they found when they were made, DETECTION_FAILED
 */
export const testOnGoldenFields = async (
  searcher: FieldSearcher,
  networks: Networks,
  golden: GoldenFields,
): Promise<void> => {
  const { detector, classifier } = networks;
  if (golden.detector)
    demandSameCells(detector.source, golden.detector, await searchedCells(searcher, networks, golden.detector));
  if (!golden.classifier || !classifier) return;
  const namer = new CellNamer();
  const named: Cell[][] = [];
  for (const field of golden.classifier) {
    const cells = field.cells.map((cell): Cell => ({ ...cell, cellClass: cell.densityClass, mass: 0 }));
    const context = { picture: pictureOf(field), umPerPixel: field.umPerPixel };
    named.push(await namer.name(cells, context, classifier));
  }
  demandSameNames(classifier.source, golden.classifier, named);
};
