import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { CytoError } from "../core/index.js";
import type { ClassifierSource, DetectorSource, ModelRef, NetworkModel } from "../detection/index.js";
import { type ModelManifest, type PainterManifest, paintedPlanes, parseManifest } from "./manifest.js";

/** The network that paints fields from masks. */
export interface PainterSource {
  readonly kind: "painter";
  readonly ref: ModelRef;
  /** Absolute path of the ONNX file. */
  readonly filePath: string;
  /** Absolute path of the JSON file that masks are drawn from. */
  readonly masksPath: string;
  readonly masksSha256: string;
  readonly method: PainterManifest["painter"]["method"];
  readonly maskPlanes: number;
  readonly noisePlanes: number;
  /** Sides of a painted picture are multiples of this, px. */
  readonly multiple: number;
  /** Diameter of a red cell on a painted picture, px. */
  readonly redCellPx: number;
}

/** The network whose features Frechet distances are taken of. */
export interface FeaturesSource {
  readonly kind: "features";
  readonly ref: ModelRef;
  /** Absolute path of the ONNX file. */
  readonly filePath: string;
  /** Number of features. */
  readonly dimensions: number;
}

/** A model folder whose manifest is sound and whose files have the hashes that it names. */
export interface LoadedModel {
  /** Absolute path of the folder. */
  readonly directory: string;
  readonly manifest: ModelManifest;
  /** What detector, painter or measures need of it. */
  readonly source: ModelSource;
}

export type ModelSource = NetworkModel | PainterSource | FeaturesSource;

export interface LoadModelOptions {
  /** `int8` takes that variant; without it the model as trained. */
  readonly precision?: string;
}

const maxManifestBytes = 1 << 20;

const isMissing = (error: unknown): boolean =>
  error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");

const readManifestText = async (path: string): Promise<string> => {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    if (size > maxManifestBytes) throw new CytoError("MODEL_INVALID", `${path}: ${size} bytes is no manifest`);
    return await file.readFile("utf8");
  } finally {
    await file.close();
  }
};

/**
 * The manifest of a model folder, its files not looked at.
 * @throws CytoError MODEL_NOT_FOUND, MODEL_INVALID
 */
export const readManifest = async (directory: string): Promise<ModelManifest> => {
  const path = resolve(directory, "manifest.json");
  let value: unknown;
  try {
    value = JSON.parse(await readManifestText(path));
  } catch (error) {
    if (isMissing(error)) throw new CytoError("MODEL_NOT_FOUND", `no model in ${directory}: no manifest.json`);
    if (error instanceof SyntaxError)
      throw new CytoError("MODEL_INVALID", `${path}: not JSON: ${error.message}`, { cause: error });
    throw CytoError.from(error, "MODEL_INVALID");
  }
  return parseManifest(value, path);
};

const hashFile = async (path: string): Promise<string> => {
  const hash = createHash("sha256");
  try {
    await pipeline(createReadStream(path), hash);
  } catch (error) {
    const reason = isMissing(error) ? "the file is missing" : "the file cannot be read";
    throw new CytoError("MODEL_INVALID", `${path}: ${reason}`, { cause: error });
  }
  return hash.digest("hex");
};

/** @throws CytoError MODEL_INVALID where the file is missing or has another hash */
const checkHash = async (path: string, sha256: string): Promise<void> => {
  const found = await hashFile(path);
  if (found !== sha256)
    throw new CytoError("MODEL_INVALID", `${path}: SHA-256 is ${found} instead of ${sha256}`, {
      context: { path, found, expected: sha256 },
    });
};

const fileOf = (manifest: ModelManifest, precision: string): { file: string; sha256: string } => {
  if (precision === "fp32") return { file: manifest.file, sha256: manifest.sha256 };
  const variant = manifest.variants?.find((candidate) => candidate.precision === precision);
  if (!variant) {
    const known = ["fp32", ...(manifest.variants ?? []).map((candidate) => candidate.precision)].join(", ");
    throw new CytoError("MODEL_NOT_FOUND", `${manifest.name} ${manifest.version} has no ${precision} variant`, {
      remedy: `Use one of: ${known}.`,
    });
  }
  return variant;
};

const sourceOf = (directory: string, manifest: ModelManifest, precision: string): ModelSource => {
  const { file, sha256 } = fileOf(manifest, precision);
  const ref = { name: manifest.name, version: manifest.version, sha256 };
  const filePath = resolve(directory, file);
  if (manifest.kind === "painter") {
    const { masks, painter } = manifest;
    const masksPath = resolve(directory, masks.file);
    return {
      kind: "painter",
      ref,
      filePath,
      masksPath,
      masksSha256: masks.sha256,
      maskPlanes: paintedPlanes,
      ...painter,
    };
  }
  if (manifest.kind === "features") {
    return { kind: "features", ref, filePath, dimensions: manifest.features.dimensions };
  }
  const common = {
    ref,
    filePath,
    precision,
    inputs: manifest.inputs,
    outputs: manifest.outputs,
  };
  if (manifest.kind === "detector")
    return {
      ...common,
      kind: "detector",
      umPerPixel: manifest.umPerPixel,
      stride: manifest.stride,
      ...manifest.detector,
    };
  return { ...common, kind: "classifier", ...manifest.classifier };
};

/**
 * A model from its folder: the manifest strictly parsed, classes and declared tensors compared with what the detector
 * needs, the file's SHA-256 compared. The network itself is opened by `verifyModel` and by the detector.
 * @throws CytoError MODEL_NOT_FOUND, MODEL_INVALID with the reason
 */
export const loadModel = async (directory: string, options: LoadModelOptions = {}): Promise<LoadedModel> => {
  const absolute = resolve(directory);
  const manifest = await readManifest(absolute);
  const source = sourceOf(absolute, manifest, options.precision ?? "fp32");
  await checkHash(source.filePath, source.ref.sha256);
  if (source.kind === "painter") await checkHash(source.masksPath, source.masksSha256);
  return { directory: absolute, manifest, source };
};

/** @throws CytoError MODEL_NOT_FOUND, MODEL_INVALID also where the model is no detector */
export const loadDetectorModel = async (directory: string, options: LoadModelOptions = {}): Promise<DetectorSource> => {
  const { source } = await loadModel(directory, options);
  if (source.kind !== "detector") throw new CytoError("MODEL_INVALID", `${directory}: a ${source.kind}, no detector`);
  return source;
};

/** @throws CytoError MODEL_NOT_FOUND, MODEL_INVALID also where the model is no classifier */
export const loadClassifierModel = async (
  directory: string,
  options: LoadModelOptions = {},
): Promise<ClassifierSource> => {
  const { source } = await loadModel(directory, options);
  if (source.kind !== "classifier")
    throw new CytoError("MODEL_INVALID", `${directory}: a ${source.kind}, no classifier`);
  return source;
};

/** @throws CytoError MODEL_NOT_FOUND, MODEL_INVALID also where the model is no painter */
export const loadPainterModel = async (directory: string): Promise<PainterSource> => {
  const { source } = await loadModel(directory);
  if (source.kind !== "painter") throw new CytoError("MODEL_INVALID", `${directory}: a ${source.kind}, no painter`);
  return source;
};

/** @throws CytoError MODEL_NOT_FOUND, MODEL_INVALID also where the model gives no features */
export const loadFeaturesModel = async (directory: string): Promise<FeaturesSource> => {
  const { source } = await loadModel(directory);
  if (source.kind !== "features")
    throw new CytoError("MODEL_INVALID", `${directory}: a ${source.kind}, no network of features`);
  return source;
};
