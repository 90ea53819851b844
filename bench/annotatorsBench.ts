import { type AnnotatorsResult, compareAnnotators, tableOf, twiceLabelledPairs } from "./annotators.js";
import { type BenchContext, type BenchResult, type Figure, NotHere } from "./figures.js";
import { benchModels } from "./models.js";
import { dataSetPath } from "./pictures.js";

/** P of the detector against a set of labels, less P of the other set against it. */
const margins = (result: AnnotatorsResult): Figure[] => {
  const { detectorAgainstLarger, detectorAgainstSmaller, smallerAgainstLarger, largerAgainstSmaller } = result;
  const how = `raw P of the detector against one set of labels less that of the other set against it, ${result.pairs} pictures labelled twice; fair only for a model that was not trained on them (bench/annotators.ts --list)`;
  const figure = (name: string, ours: number | null | undefined, theirs: number | null | undefined): Figure => ({
    name: `annotators.${name}`,
    value: ours == null || theirs == null ? undefined : ours - theirs,
    ...{ unit: "points", atLeast: 0, how },
  });
  return [
    figure("againstLarger", detectorAgainstLarger?.raw.pooled.P, smallerAgainstLarger.raw.pooled.P),
    figure("againstSmaller", detectorAgainstSmaller?.raw.pooled.P, largerAgainstSmaller.raw.pooled.P),
  ];
};

export const annotatorsBench = async (context: BenchContext): Promise<BenchResult> => {
  const directory = dataSetPath("txl-pbc");
  if (directory === undefined) throw new NotHere("the data set txl-pbc is not there");
  const { detector } = await benchModels(context.models);
  const pairs = (await twiceLabelledPairs(directory)).filter(({ orientation }) => orientation === 0);
  const result = await compareAnnotators(pairs, { detector });
  return { figures: margins(result), text: [tableOf(result)], raw: result };
};
