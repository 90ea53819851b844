import {
  type CellClass,
  densityClassOf,
  differentialFive,
  isLeukocyteClass,
  type LeukocyteClass,
  leukocyteClasses,
} from "../../core/index.js";
import { type FieldResult, type FoundCell, matchCells } from "./matching.js";

/** What a labelled leukocyte was taken for: a class, `leukocyte` where unsure, `missed` where not found. */
export type LeukocyteAnswer = LeukocyteClass | "leukocyte" | "missed";

export const leukocyteAnswers: readonly LeukocyteAnswer[] = [...leukocyteClasses, "leukocyte", "missed"];

export interface LeukocyteScore {
  /** Counts by labelled class, then by answer. */
  readonly confusion: Readonly<Record<LeukocyteClass, Readonly<Record<LeukocyteAnswer, number>>>>;
  /** Part of the labelled cells of each class that were named rightly (found at all included); null without cells. */
  readonly recall: Readonly<Record<LeukocyteClass, number | null>>;
  /** Mean recall over the classes of the five-part differential that have cells. */
  readonly recallFive: number | null;
  /** Mean recall over all leukocyte classes that have cells. */
  readonly recallSeven: number | null;
  /** The same where an unsure finding is taken for its likeliest class. */
  readonly likeliest: { readonly recallFive: number | null; readonly recallSeven: number | null };
}

type Confusion = Record<LeukocyteClass, Record<LeukocyteAnswer, number>>;

/** A labelled leukocyte and the answer to it. */
export interface LeukocytePair {
  readonly truth: LeukocyteClass;
  readonly answer: LeukocyteAnswer;
  /** The answer where unsureness is no answer. */
  readonly likeliest: LeukocyteAnswer;
}

const likeliestOf = ({ cellClass, leukocyteProbabilities: p }: FoundCell): LeukocyteAnswer => {
  if (p) return leukocyteClasses.reduce((best, name) => (p[name] > p[best] ? name : best));
  return isLeukocyteClass(cellClass) ? cellClass : "leukocyte";
};

/** Pairs the leukocytes of a field whose class is labelled with what was found there, whatever its name. */
export const leukocytePairs = ({ truth, found }: FieldResult): readonly LeukocytePair[] => {
  const truths = truth.cells.filter(({ cellClass }) => densityClassOf(cellClass) === "leukocyte");
  const leukocytes = found.filter(({ cellClass }) => densityClassOf(cellClass) === "leukocyte");
  const foundOf = matchCells(truths, leukocytes, "density");
  return truths.flatMap(({ cellClass }, index): LeukocytePair[] => {
    if (!isLeukocyteClass(cellClass)) return [];
    const match = leukocytes[foundOf[index]!];
    if (!match) return [{ truth: cellClass, answer: "missed", likeliest: "missed" }];
    const answer = isLeukocyteClass(match.cellClass) ? match.cellClass : "leukocyte";
    return [{ truth: cellClass, answer, likeliest: likeliestOf(match) }];
  });
};

const confusionOf = (pairs: readonly LeukocytePair[], which: "answer" | "likeliest"): Confusion => {
  const emptyRow = () => Object.fromEntries(leukocyteAnswers.map((name) => [name, 0])) as Confusion[LeukocyteClass];
  const confusion = Object.fromEntries(leukocyteClasses.map((name) => [name, emptyRow()])) as Confusion;
  for (const pair of pairs) confusion[pair.truth][pair[which]]++;
  return confusion;
};

const recallOf = (confusion: Confusion, name: LeukocyteClass): number | null => {
  const total = leukocyteAnswers.reduce((sum, answer) => sum + confusion[name][answer], 0);
  return total === 0 ? null : confusion[name][name] / total;
};

const meanRecall = (confusion: Confusion, names: readonly LeukocyteClass[]): number | null => {
  const recalls = names.flatMap((name) => recallOf(confusion, name) ?? []);
  return recalls.length === 0 ? null : recalls.reduce((sum, recall) => sum + recall, 0) / recalls.length;
};

/** Scores answers to labelled leukocytes. */
export const scoreLeukocytePairs = (pairs: readonly LeukocytePair[]): LeukocyteScore => {
  const confusion = confusionOf(pairs, "answer");
  const likeliest = confusionOf(pairs, "likeliest");
  return {
    confusion,
    recall: Object.fromEntries(leukocyteClasses.map((name) => [name, recallOf(confusion, name)])) as Record<
      LeukocyteClass,
      number | null
    >,
    recallFive: meanRecall(confusion, differentialFive),
    recallSeven: meanRecall(confusion, leukocyteClasses),
    likeliest: {
      recallFive: meanRecall(likeliest, differentialFive),
      recallSeven: meanRecall(likeliest, leukocyteClasses),
    },
  };
};

/** Scores the naming of leukocytes end to end; undefined where the labels name none. */
export const scoreLeukocytes = (results: readonly FieldResult[]): LeukocyteScore | undefined => {
  const pairs = results.flatMap(leukocytePairs);
  return pairs.length === 0 ? undefined : scoreLeukocytePairs(pairs);
};

/** The classes at whose depth a data set labels: `named` where it never says only leukocyte but names them. */
export const depthOfClasses = (classes: readonly CellClass[]): "density" | "named" =>
  classes.some(isLeukocyteClass) && !classes.includes("leukocyte") ? "named" : "density";
