import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadClassifierModel, loadDetectorModel } from "../src/registry/index.js";
import { openDataset } from "../src/training/datasets/index.js";
import { evaluate } from "../src/training/evaluation/index.js";
import { type BenchContext, type BenchResult, NotHere } from "./figures.js";
import { benchModels } from "./models.js";
import { type DataSetName, dataSetPath } from "./pictures.js";
import { trainInProcess } from "./trainInProcess.js";

const needed = (name: DataSetName): string => {
  const path = dataSetPath(name);
  if (path === undefined) throw new NotHere(`the data set ${name} is not there`);
  return path;
};

/** The detector in 15 minutes and the classifier in 5, from nothing, on the train splits. */
export const fromNothingBench = async (context: BenchContext): Promise<BenchResult> => {
  const [txlPbc, oiPbc] = [needed("txl-pbc"), needed("oi-pbc")];
  const shipped = await benchModels(context.models);
  const folder = mkdtempSync(join(tmpdir(), "cytostream-train-"));
  try {
    const unetArgs = ["unet", "--data", txlPbc, "--minutes", "15", "--seed", "1"];
    const cellsArgs = ["cells", "--data", oiPbc, "--um-per-pixel", "oi-pbc=0.0987", "--minutes", "5", "--seed", "1"];
    const detector = await loadDetectorModel(trainInProcess(unetArgs, join(folder, "unet")));
    const classifier = await loadClassifierModel(trainInProcess(cellsArgs, join(folder, "cells")));
    const fields = await openDataset(txlPbc);
    const smears = await openDataset(oiPbc);
    const provider = "cpu" as const;
    const { raw } = await evaluate({
      ...{
        fields: await fields.fields("val"),
        classes: fields.classes,
        models: { detector },
        scale: "labels",
        provider,
      },
    });
    const { leukocytes } = await evaluate({
      ...{ fields: await smears.fields("val"), classes: smears.classes, scale: 0.0987, provider },
      models: { detector: shipped.detector, classifier },
    });
    const figure = { value: raw.pooled.P ?? undefined, unit: "%", atLeast: 91 };
    const five = { value: leukocytes?.recallFive ?? undefined, atLeast: 0.94 };
    const named = "named end to end, cells found by the detector under test";
    return {
      figures: [
        {
          name: "fromNothing.unet.raw.P",
          ...figure,
          how: `\`cytostream train ${unetArgs.join(" ")}\`, then evaluated on txl-pbc val`,
        },
        {
          name: "fromNothing.cells.recallFive",
          ...five,
          how: `\`cytostream train ${cellsArgs.join(" ")}\`, oi-pbc val, ${named}`,
        },
      ],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
