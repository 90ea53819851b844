import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { type Box, modelsDirectory, projectRoot } from "../src/core/index.js";
import type { DetectorModels } from "../src/detection/index.js";
import { findModel, loadDetectorModel } from "../src/registry/index.js";
import {
  findTwiceLabelled,
  inverseOrientation,
  type LabelledField,
  openDataset,
  type TwiceLabelled,
  turnBox,
} from "../src/training/datasets/index.js";
import { evaluate } from "../src/training/evaluation/index.js";
import { type FieldResult, type FoundCell, type ProtocolScore, scoreProtocol } from "../src/training/scoring/index.js";

/**
 * Is the detector closer to the labels than a second annotator is? Some pictures of `txl-pbc` are in it at two sizes,
 * labelled anew each time. One set of labels is scored against the other as if it had been found; then the detector is
 * scored against each set. Mirrored and turned copies were also cropped and tilted a little when they were made, so that
 * their labels do not lie on the larger picture's cells: they are found, but not compared. For a fair figure the model must
 * not have been trained on any of these pictures: `--list` names them.
 *
 *   tsx bench/annotators.ts [--data DIR] [--model DIR] [--json] [--list] [--labels-only]
 */

export interface Comparison {
  readonly raw: ProtocolScore;
  readonly fair: ProtocolScore;
}

export interface AnnotatorsResult {
  readonly pairs: number;
  /** Labels of the smaller pictures, found, against those of the larger ones, true; and the other way. */
  readonly smallerAgainstLarger: Comparison;
  readonly largerAgainstSmaller: Comparison;
  /** The detector on each picture against its labels; absent without a model. */
  readonly detectorAgainstSmaller?: Comparison;
  readonly detectorAgainstLarger?: Comparison;
}

const areaOf = ({ widthPx, heightPx }: LabelledField): number => widthPx * heightPx;

/** With the smaller picture as `a`. */
const smallerFirst = (pair: TwiceLabelled): TwiceLabelled =>
  areaOf(pair.a) <= areaOf(pair.b)
    ? pair
    : { ...pair, a: pair.b, b: pair.a, orientation: inverseOrientation(pair.orientation) };

const asFound = (field: LabelledField, place: (box: Box) => Box): FoundCell[] =>
  field.cells.map(({ cellClass, box }) => {
    const placed = place(box);
    const centre = { x: (placed.left + placed.right) / 2, y: (placed.top + placed.bottom) / 2 };
    return { cellClass, box: placed, centre, confidence: 1 };
  });

const compare = (results: readonly FieldResult[]): Comparison => ({
  raw: scoreProtocol(results, "raw", { depth: "density" }),
  fair: scoreProtocol(results, "fair", { depth: "density" }),
});

const scoreDetector = async (fields: readonly LabelledField[], models: DetectorModels): Promise<Comparison> => {
  const { raw, fair } = await evaluate({
    fields,
    classes: ["erythrocyte", "leukocyte", "platelet"],
    models,
    scale: "labels",
  });
  return { raw, fair };
};

/** Pairs of twice-labelled pictures over all splits of a data set, the smaller picture first. */
export const twiceLabelledPairs = async (directory: string): Promise<readonly TwiceLabelled[]> => {
  const dataset = await openDataset(directory);
  const splits = await Promise.all(dataset.splits.map((split) => dataset.fields(split)));
  return (await findTwiceLabelled(splits.flat())).map(smallerFirst);
};

export const compareAnnotators = async (
  pairs: readonly TwiceLabelled[],
  models: DetectorModels | undefined,
): Promise<AnnotatorsResult> => {
  const forward = pairs.map((pair) => ({ truth: pair.b, found: asFound(pair.a, (box) => turnBox(box, pair)) }));
  const backward = pairs.map((pair) => {
    const back = { a: pair.b, b: pair.a, orientation: inverseOrientation(pair.orientation) };
    return { truth: pair.a, found: asFound(pair.b, (box) => turnBox(box, back)) };
  });
  return {
    pairs: pairs.length,
    smallerAgainstLarger: compare(forward),
    largerAgainstSmaller: compare(backward),
    ...(models
      ? {
          detectorAgainstSmaller: await scoreDetector(
            pairs.map(({ a }) => a),
            models,
          ),
          detectorAgainstLarger: await scoreDetector(
            pairs.map(({ b }) => b),
            models,
          ),
        }
      : {}),
  };
};

const lineOf = (name: string, { raw, fair }: Comparison): string => {
  const figures = ({ pooled, classes }: ProtocolScore): string =>
    [pooled, classes.leukocyte, classes.erythrocyte, classes.platelet]
      .map((tally) => (tally?.P == null ? "-" : tally.P.toFixed(1)).padStart(6))
      .join("");
  return `${name.padEnd(38)}${figures(raw)}   ${figures(fair)}`;
};

/** Both comparisons as a table for people. */
export const tableOf = (result: AnnotatorsResult): string => {
  const rows = [
    lineOf("labels: smaller against larger", result.smallerAgainstLarger),
    lineOf("labels: larger against smaller", result.largerAgainstSmaller),
  ];
  if (result.detectorAgainstSmaller) rows.push(lineOf("detector against smaller", result.detectorAgainstSmaller));
  if (result.detectorAgainstLarger) rows.push(lineOf("detector against larger", result.detectorAgainstLarger));
  const head = "   all   WBC   RBC   PLT";
  return [
    `${result.pairs} pictures labelled twice; P in percent`,
    `${"".padEnd(38)}${"raw".padStart(6)}${"".padEnd(21)}${"fair".padStart(6)}`,
    `${"".padEnd(38)}${head}   ${head}`,
    ...rows,
  ].join("\n");
};

const main = async (): Promise<void> => {
  const { values } = parseArgs({
    options: {
      data: { type: "string" },
      model: { type: "string" },
      json: { type: "boolean", default: false },
      list: { type: "boolean", default: false },
      "labels-only": { type: "boolean", default: false },
    },
  });
  const root = process.env.CYTOSTREAM_DATA ?? join(projectRoot(), "..", "shared", "data");
  const pairs = await twiceLabelledPairs(resolve(values.data ?? join(root, "txl-pbc")));
  if (values.list) {
    process.stdout.write(`${pairs.flatMap(({ a, b }) => [a.id, b.id]).join("\n")}\n`);
    return;
  }
  const folder = values.model ? resolve(values.model) : undefined;
  const models = values["labels-only"]
    ? undefined
    : { detector: await loadDetectorModel(folder ?? (await findModel(modelsDirectory(), "unet"))) };
  const result = await compareAnnotators(
    pairs.filter(({ orientation }) => orientation === 0),
    models,
  );
  process.stdout.write(`${values.json ? JSON.stringify(result) : tableOf(result)}\n`);
};

if (process.argv[1] === import.meta.filename) await main();
