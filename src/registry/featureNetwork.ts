import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { type InferenceSession, Tensor } from "onnxruntime-node";
import { CytoError } from "../core/index.js";
import { openSession } from "../detection/index.js";
import type { Picture } from "../pictures/index.js";
import type { FeaturesSource } from "./load.js";

/** A network that turns pictures into vectors of features. Owner of native memory: dispose of it. */
export interface FeatureNetwork extends AsyncDisposable {
  /** For tables: the model's name and version, or the file's name. */
  readonly name: string;
  readonly sha256: string;
  /** Number of features, D. */
  readonly dimensions: number;
  /** Side of the pictures that it takes, px; undefined where any will do. */
  readonly sidePx: number | undefined;
  /**
   * Features of square pictures of one size, one vector of D values each.
   * @throws CytoError MODEL_INVALID where the network fails on them or gives what is no feature
   */
  extract(pictures: readonly Picture[]): Promise<readonly Float32Array[]>;
}

/** What a network's input tells of how it takes pictures. */
interface InputLayout {
  readonly name: string;
  readonly type: "uint8" | "float32";
  /** Channels before rows and columns. */
  readonly planar: boolean;
  /** Side that it takes, px; undefined where any will do. */
  readonly sidePx: number | undefined;
}

/** More features than this make a covariance that nothing here can hold. */
const mostFeatures = 4096;
const atOnce = 32;

const isFree = (dim: number | string | undefined): boolean => typeof dim !== "number" || dim < 0;
const shapeText = (shape: readonly (number | string)[]): string => `[${shape.join(", ")}]`;

/** @throws CytoError MODEL_INVALID naming what is due and what is there */
const layoutOf = (path: string, inputs: readonly InferenceSession.ValueMetadata[]): InputLayout => {
  const [input] = inputs;
  const due = "one input of pictures, uint8 or float32, [N, 3, H, W] or [N, H, W, 3] with H = W or free, is due";
  if (inputs.length !== 1 || !input?.isTensor)
    throw new CytoError("MODEL_INVALID", `${path}: ${due}, not ${inputs.length} inputs`);
  const { name, type, shape } = input;
  const found = `${name}: ${type} ${shapeText(shape)}`;
  const planar = shape[1] === 3 && shape[3] !== 3;
  const [height, width] = planar ? [shape[2], shape[3]] : [shape[1], shape[2]];
  const fits =
    shape.length === 4 &&
    (planar || shape[3] === 3) &&
    (isFree(shape[0]) || shape[0] === 1) &&
    (isFree(height) ? isFree(width) : height === width);
  if (!fits || (type !== "uint8" && type !== "float32"))
    throw new CytoError("MODEL_INVALID", `${path}: ${due}, not ${found}`);
  return { name, type, planar, sidePx: isFree(height) ? undefined : Number(height) };
};

/** Pictures of one side as the network's input; float32 in [0,1]. */
const tensorOf = (pictures: readonly Picture[], { type, planar }: InputLayout): Tensor => {
  const side = pictures[0]!.width;
  const size = 3 * side * side;
  const data = type === "uint8" ? new Uint8Array(pictures.length * size) : new Float32Array(pictures.length * size);
  pictures.forEach(({ pixels }, index) => {
    const start = index * size;
    for (let at = 0; at < size; at++) {
      const to = planar ? (at % 3) * side * side + Math.floor(at / 3) : at;
      data[start + to] = type === "uint8" ? pixels[at]! : pixels[at]! / 255;
    }
  });
  const shape = planar ? [pictures.length, 3, side, side] : [pictures.length, side, side, 3];
  return data instanceof Uint8Array ? new Tensor("uint8", data, shape) : new Tensor("float32", data, shape);
};

class OpenNetwork implements FeatureNetwork {
  dimensions = 0;

  constructor(
    readonly name: string,
    readonly sha256: string,
    private readonly session: InferenceSession,
    private readonly layout: InputLayout,
    private readonly batch: number,
  ) {}

  get sidePx(): number | undefined {
    return this.layout.sidePx;
  }

  async extract(pictures: readonly Picture[]): Promise<readonly Float32Array[]> {
    const side = this.sidePx ?? pictures[0]?.width;
    const odd = pictures.find(({ width, height }) => width !== side || height !== side);
    if (odd) throw new CytoError("MODEL_INVALID", `${this.name} takes ${side} px, not ${odd.width} x ${odd.height}`);
    const vectors: Float32Array[] = [];
    for (let start = 0; start < pictures.length; start += this.batch)
      vectors.push(...(await this.#run(pictures.slice(start, start + this.batch))));
    return vectors;
  }

  /** Takes the number of features from a trial run on grey pictures, whose result must be the same each time. */
  async try(): Promise<void> {
    const side = this.layout.sidePx ?? 64;
    const grey = { width: side, height: side, pixels: new Uint8Array(3 * side * side).fill(128) };
    const [vector] = await this.extract([grey]);
    const [again] = await this.extract([grey]);
    if (!vector?.every((value, index) => Number.isFinite(value) && value === again![index]))
      throw new CytoError("MODEL_INVALID", `${this.name}: equal pictures do not give equal, finite features`);
    if (vector.length > mostFeatures)
      throw new CytoError("MODEL_INVALID", `${this.name}: ${vector.length} features are more than ${mostFeatures}`);
    this.dimensions = vector.length;
  }

  async #run(pictures: readonly Picture[]): Promise<readonly Float32Array[]> {
    const results = await this.session
      .run({ [this.layout.name]: tensorOf(pictures, this.layout) })
      .catch((error: unknown) => {
        const why = error instanceof Error ? error.message : String(error);
        throw new CytoError("MODEL_INVALID", `${this.name} fails on pictures: ${why}`, { cause: error });
      });
    const [output] = Object.values(results);
    const shape = output?.dims ?? [];
    const flat = shape[0] === pictures.length && shape.slice(2).every((dim) => dim === 1) && shape.length >= 2;
    if (Object.keys(results).length !== 1 || output?.type !== "float32" || !flat)
      throw new CytoError(
        "MODEL_INVALID",
        `${this.name}: one output of features, float32 [N, D] or [N, D, 1, 1], is due, not ${output?.type} ${shapeText(shape)}`,
      );
    const size = shape[1]!;
    const data = output.data as Float32Array;
    return pictures.map((_, index) => data.slice(index * size, (index + 1) * size));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.session.release();
  }
}

/** A network of features from its bytes. @throws CytoError MODEL_INVALID with the reason */
export const featureNetworkOf = async (
  bytes: Uint8Array,
  { name, threads = 0 }: { readonly name: string; readonly threads?: number | undefined },
): Promise<FeatureNetwork> => {
  const session = await openSession(bytes, { provider: "cpu", threads }).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    throw new CytoError("MODEL_INVALID", `${name}: onnxruntime does not load it: ${why}`, { cause: error });
  });
  try {
    const layout = layoutOf(name, session.inputMetadata);
    const first = session.inputMetadata[0];
    const batch = first?.isTensor && first.shape[0] === 1 ? 1 : atOnce;
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const network = new OpenNetwork(name, sha256, session, layout, batch);
    await network.try();
    return network;
  } catch (error) {
    await session.release();
    throw error;
  }
};

/**
 * A network of the user's own choice, such as an Inception: an ONNX file with one input of pictures (uint8 0 to 255, or
 * float32 in [0,1]; channels first or last; square) and one output of features.
 * @throws CytoError MODEL_NOT_FOUND, MODEL_INVALID with the reason
 */
export const openFeatureFile = async (path: string, threads?: number): Promise<FeatureNetwork> => {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw new CytoError("MODEL_NOT_FOUND", `${path} cannot be read`, { cause: error });
  });
  return featureNetworkOf(bytes, { name: path, threads });
};

/**
 * A model of features from its folder, its bytes hashed as they are read.
 * @throws CytoError MODEL_NOT_FOUND, MODEL_INVALID with the reason
 */
export const openFeaturesModel = async (source: FeaturesSource, threads?: number): Promise<FeatureNetwork> => {
  const { ref, filePath, dimensions } = source;
  const bytes = await readFile(filePath).catch((error: unknown) => {
    throw new CytoError("MODEL_NOT_FOUND", `${filePath} cannot be read`, { cause: error });
  });
  const network = await featureNetworkOf(bytes, { name: `${ref.name} ${ref.version}`, threads });
  if (network.sha256 === ref.sha256 && network.dimensions === dimensions) return network;
  await network[Symbol.asyncDispose]();
  const found = `SHA-256 ${network.sha256}, ${network.dimensions} features`;
  throw new CytoError("MODEL_INVALID", `${filePath}: ${found} instead of ${ref.sha256}, ${dimensions}`);
};
