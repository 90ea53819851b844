import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { CytoError } from "../../../core/index.js";
import { decodePicture } from "../../../pictures/index.js";
import {
  type CandidateRequest,
  type GoldenPicture,
  loadDetectorModel,
  type ModelLineage,
  mostGoldenFields,
  readLineage,
  readManifest,
  writeCandidate,
} from "../../../registry/index.js";
import { openDataset, redCellDiameterUm } from "../../datasets/index.js";
import { evenlySpaced } from "../../evenlySpaced.js";
import type { JobPlan, ParentModel } from "../plan.js";
import type { JobContext } from "./context.js";

const lineageOf = (plan: JobPlan, parent: ParentModel, trainedAtMs: number): ModelLineage => ({
  parent: `${parent.name}@${parent.version}`,
  parentSha256: parent.sha256,
  dataSha256: plan.dataSha256,
  codeVersion: plan.codeVersion,
  seed: plan.seed,
  job: plan.id,
  trainedAtMs,
});

const cardLines = ({ parent, parentSha256, dataSha256, codeVersion, seed, job }: ModelLineage): string =>
  [
    "## Lineage",
    `Trained on from ${parent} (${parentSha256.slice(0, 12)}) by the training ${job}, seed ${seed}, cytostream ${codeVersion}.`,
    `The fields, byte for byte, are those of the snapshot ${dataSha256}.`,
    "",
  ].join("\n\n");

/** Fields of the laboratory that the model is tried on before it serves: those with the most cells, one as rich as another. */
const goldenPictures = async ({ dataset }: JobPlan): Promise<readonly GoldenPicture[]> => {
  const opened = await openDataset(dataset);
  const fields = await opened.fields(opened.splits.includes("val") ? "val" : "train");
  const rich = [...fields].sort((a, b) => b.cells.length - a.cells.length).slice(0, 4 * mostGoldenFields);
  return Promise.all(
    evenlySpaced(rich, mostGoldenFields).map(async ({ picturePath, umPerPixel }) => ({
      picture: await decodePicture(picturePath),
      umPerPixel: umPerPixel ?? redCellDiameterUm / 32,
    })),
  );
};

type Draft = CandidateRequest["draft"];

const draftOf = async (model: string): Promise<Draft> => {
  const { file: _file, sha256: _sha256, variants: _variants, ...draft } = await readManifest(model);
  if (draft.kind !== "detector" && draft.kind !== "classifier")
    throw new CytoError("INTERNAL", `${model} is no model that can serve`);
  return draft;
};

/** Whether an earlier process of this job has placed the model. */
const isPlaced = async (plan: JobPlan, directory: string): Promise<boolean> =>
  (await readLineage(directory).catch(() => undefined))?.job === plan.id;

interface Placing {
  /** Folder that the training left. */
  readonly model: string;
  readonly parent: ParentModel;
  readonly golden: readonly GoldenPicture[];
}

const place = async (plan: JobPlan, { model, parent, golden }: Placing): Promise<string> => {
  const draft = await draftOf(model);
  const directory = join(plan.modelsDir, draft.name, draft.version);
  if (await isPlaced(plan, directory)) return directory;
  const lineage = lineageOf(plan, parent, Date.now());
  const int8Bytes = await readFile(join(model, "model.int8.onnx")).catch(() => undefined);
  const card = await readFile(join(model, "card.md"), "utf8");
  const written = await writeCandidate({
    modelsDir: plan.modelsDir,
    draft,
    files: {
      onnxBytes: await readFile(join(model, "model.onnx")),
      ...(int8Bytes ? { int8Bytes } : {}),
      card: `${card}\n${cardLines(lineage)}`,
    },
    lineage,
    golden,
    ...(draft.kind === "classifier" ? { detector: await loadDetectorModel(plan.detector.directory) } : {}),
  });
  return written.directory;
};

/** Puts what was trained under the laboratory's models, with its lineage and the fields that it is tried on. */
export const placeCandidates = async (context: JobContext): Promise<readonly string[]> => {
  const { plan, progress, clock, at } = context;
  at("candidate", 0);
  const golden = await goldenPictures(plan);
  const { detector, classifier } = progress.value;
  const candidates = [await place(plan, { model: detector!.model, parent: plan.detector, golden })];
  if (classifier?.model && plan.classifier)
    candidates.push(await place(plan, { model: classifier.model, parent: plan.classifier, golden }));
  await progress.note({ candidates, workMs: clock.now() });
  return candidates;
};
