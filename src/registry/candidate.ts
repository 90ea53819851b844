import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { CytoError } from "../core/index.js";
import type { DetectorModels, DetectorSource } from "../detection/index.js";
import type { ModelLineage } from "./desk.js";
import { type DriftReference, driftFile } from "./drift/index.js";
import { type GoldenPicture, makeGoldenFiles } from "./golden.js";
import { lineageFile, parseLineage } from "./lineage.js";
import { loadModel } from "./load.js";
import type { ModelManifest } from "./manifest.js";
import { isVersion } from "./version.js";
import { type ManifestDraft, type ModelFiles, writeModel } from "./write.js";

export interface CandidateRequest {
  /** Folder of the laboratory's models: `laboratoryPaths(...).models`. */
  readonly modelsDir: string;
  readonly draft: Extract<ManifestDraft, { kind: "detector" | "classifier" }>;
  readonly files: Omit<ModelFiles, "beside">;
  readonly lineage: ModelLineage;
  /** Fields that are kept with the model, with what it finds on them; the first six, cut to 384 px. */
  readonly golden: readonly GoldenPicture[];
  /** How the validation fields look: what live fields are held against while this model serves. */
  readonly drift?: DriftReference;
  /** Beside a classifier: what finds the cells that it names on the golden fields. */
  readonly detector?: DetectorSource;
}

export interface WrittenCandidate {
  /** `name@version` */
  readonly model: string;
  /** Absolute path. */
  readonly directory: string;
  readonly manifest: ModelManifest;
}

/** The model as each of its precisions would serve. */
const servingModels = async (
  directory: string,
  manifest: ModelManifest,
  beside: DetectorSource | undefined,
): Promise<Map<string, DetectorModels>> => {
  const models = new Map<string, DetectorModels>();
  for (const precision of ["fp32", ...(manifest.variants ?? []).map((variant) => variant.precision)]) {
    const { source } = await loadModel(directory, { precision });
    if (source.kind === "detector") models.set(precision, { detector: source });
    else if (source.kind === "classifier" && beside) models.set(precision, { detector: beside, classifier: source });
    else throw new CytoError("MODEL_INVALID", `${manifest.name}: golden fields of a classifier need a detector`);
  }
  return models;
};

/**
 * Writes a candidate into the laboratory's models, all of it or nothing: as `writeModel` does, with lineage.json, drift.json where given, and golden
 * fields, on which the model is run here first. A version is written once.
 * @throws CytoError MODEL_INVALID where it cannot be run, finds nothing, or is there already; INTERNAL where the disk fails
 */
export const writeCandidate = async (request: CandidateRequest): Promise<WrittenCandidate> => {
  const { modelsDir, draft, files, golden, detector } = request;
  const model = `${draft.name}@${draft.version}`;
  const directory = resolve(modelsDir, draft.name, draft.version);
  if (existsSync(directory)) throw new CytoError("MODEL_INVALID", `${model} is there already: ${directory}`);
  const lineage = parseLineage(request.lineage, `lineage of ${model}`);
  const trial = join(resolve(modelsDir), `.trial.${randomBytes(6).toString("hex")}`);
  try {
    const manifest = await writeModel(trial, draft, files);
    const models = await servingModels(trial, manifest, detector);
    const beside = await makeGoldenFiles({ pictures: golden, models, kind: draft.kind });
    if (request.drift) beside.set(driftFile, `${JSON.stringify(request.drift, null, 1)}\n`);
    beside.set(lineageFile, `${JSON.stringify(lineage, null, 2)}\n`);
    return { model, directory, manifest: await writeModel(directory, draft, { ...files, beside }) };
  } finally {
    await rm(trial, { recursive: true, force: true });
  }
};

/**
 * Version of the next candidate from a parent: `1.2.0` gives `1.3.0-lab.1`, that one `1.3.0-lab.2`. A pre-release of the next
 * minor version: newer than what it was trained from, older than what may be shipped next.
 * @param taken versions of that name that are there
 */
export const candidateVersion = (parent: string, taken: readonly string[]): string => {
  const [, major = "0", minor = "0", rest = ""] = /^(\d+)\.(\d+)\.\d+(.*)$/.exec(parent) ?? [];
  const base = rest.startsWith("-lab.") ? `${major}.${minor}.0` : `${major}.${Number(minor) + 1}.0`;
  const numbers = taken.flatMap((version) => {
    const number = version.startsWith(`${base}-lab.`) && isVersion(version) ? version.slice(`${base}-lab.`.length) : "";
    return /^\d+$/.test(number) ? [Number(number)] : [];
  });
  return `${base}-lab.${Math.max(0, ...numbers) + 1}`;
};
