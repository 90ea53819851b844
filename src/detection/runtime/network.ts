import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { type InferenceSession, Tensor } from "onnxruntime-node";
import { CytoError, densityClasses, leukocyteClasses } from "../../core/index.js";
import type { ClassifierSource, DetectorSource, NetworkModel, TensorSpec } from "../model.js";
import type { ExecutionProvider } from "../providers/provider.js";
import { openSession } from "../providers/session.js";

export interface NetworkOptions {
  readonly provider: ExecutionProvider;
  /** Threads of onnxruntime inside one run. */
  readonly threads: number;
}

/** A model with its session. Owner of native memory: release it. */
export interface Network<Source extends NetworkModel> {
  readonly source: Source;
  /**
   * Runs the network on one input tensor.
   * @returns output tensors by name
   * @throws CytoError DETECTION_FAILED
   */
  run(bytes: Uint8Array, shape: readonly number[]): Promise<Readonly<Record<string, Float32Array>>>;
  release(): Promise<void>;
}

const invalid = (source: NetworkModel, reason: string, cause?: unknown): CytoError =>
  new CytoError("MODEL_INVALID", `${source.ref.name} ${source.ref.version}: ${reason}`, {
    cause,
    context: { file: source.filePath },
  });

/** The model's bytes, hashed as they were read: what is checked is what is loaded. */
const readChecked = async (source: NetworkModel): Promise<Uint8Array> => {
  const bytes = await readFile(source.filePath).catch((error: unknown) => {
    throw new CytoError("MODEL_NOT_FOUND", `${source.filePath} cannot be read`, { cause: error });
  });
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  if (sha256 !== source.ref.sha256) throw invalid(source, `SHA-256 is ${sha256} instead of ${source.ref.sha256}`);
  return bytes;
};

const checkTensors = (
  source: NetworkModel,
  declared: readonly TensorSpec[],
  found: readonly InferenceSession.ValueMetadata[],
): void => {
  for (const { name, type, shape } of declared) {
    const tensor = found.find((candidate) => candidate.name === name);
    if (!tensor?.isTensor) throw invalid(source, `the file has no tensor ${name}, the manifest has`);
    const fits =
      tensor.type === type &&
      tensor.shape.length === shape.length &&
      shape.every((length, i) => {
        const real = tensor.shape[i];
        return typeof length !== "number" || typeof real !== "number" || length < 0 || real < 0 || real === length;
      });
    if (!fits)
      throw invalid(
        source,
        `${name} is ${tensor.type} [${tensor.shape}] in the file, ${type} [${shape}] in the manifest`,
      );
  }
  if (found.length !== declared.length)
    throw invalid(source, `the file has ${found.length} tensors where the manifest has ${declared.length}`);
};

/**
 * Opens a model: hash, declared tensors against those of the file, then a trial run whose results must have the right
 * shapes and be finite; the trial also warms the session up.
 * @throws CytoError MODEL_NOT_FOUND, MODEL_INVALID with the reason
 */
export const openNetwork = async <Source extends NetworkModel>(
  source: Source,
  options: NetworkOptions,
): Promise<Network<Source>> => {
  const bytes = await readChecked(source);
  let session: InferenceSession;
  try {
    session = await openSession(bytes, options);
  } catch (error) {
    throw invalid(source, `onnxruntime does not load it: ${messageOf(error)}`, error);
  }
  try {
    checkTensors(source, source.inputs, session.inputMetadata);
    checkTensors(source, source.outputs, session.outputMetadata);
    const network = networkOf(source, session);
    await (source.kind === "detector" ? testDetector(network, source) : testClassifier(network, source));
    return network;
  } catch (error) {
    await session.release();
    throw error instanceof CytoError && error.code === "MODEL_INVALID"
      ? error
      : invalid(source, `its trial run failed: ${messageOf(error)}`, error);
  }
};

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const networkOf = <Source extends NetworkModel>(source: Source, session: InferenceSession): Network<Source> => {
  const inputName = source.inputs[0]?.name ?? "";
  return {
    source,
    async run(bytes, shape) {
      try {
        const results = await session.run({ [inputName]: new Tensor("uint8", bytes, shape) });
        const outputs: Record<string, Float32Array> = {};
        for (const { name } of source.outputs) {
          const tensor = results[name];
          if (!tensor) throw new CytoError("DETECTION_FAILED", `the network gave no ${name}`);
          outputs[name] = (tensor.location === "cpu" ? tensor.data : await tensor.getData()) as Float32Array;
        }
        return outputs;
      } catch (error) {
        throw CytoError.from(error, "DETECTION_FAILED");
      }
    },
    release: () => session.release(),
  };
};

/** A grey field with a dark square and some padding: nothing to find, everything to compute. */
const trialField = (side: number): Uint8Array => {
  const bytes = new Uint8Array(side * side * 4);
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side - 16; x++) {
      const dark = x > 20 && x < 52 && y > 20 && y < 52;
      bytes.set(dark ? [150, 90, 140, 255] : [225, 215, 220, 255], (y * side + x) * 4);
    }
  return bytes;
};

const testDetector = async (network: Network<NetworkModel>, source: DetectorSource): Promise<void> => {
  const side = 96;
  const { density, extent } = await network.run(trialField(side), [1, side, side, 4]);
  const pixels = (side / source.stride) ** 2;
  if (density?.length !== densityClasses.length * pixels || extent?.length !== 4 * densityClasses.length * pixels)
    throw invalid(source, `a field of ${side} px gives ${density?.length} densities and ${extent?.length} extents`);
  if (!density.every((value) => value >= -0.001 && value <= 1.001)) throw invalid(source, "densities leave [0, 1]");
  if (!extent.every((value) => Number.isFinite(value))) throw invalid(source, "extents are not finite");
};

const testClassifier = async (network: Network<NetworkModel>, source: ClassifierSource): Promise<void> => {
  const bytes = new Uint8Array(2 * source.cropPx * source.cropPx * 3).fill(180);
  const { logits } = await network.run(bytes, [2, source.cropPx, source.cropPx, 3]);
  if (logits?.length !== 2 * leukocyteClasses.length)
    throw invalid(source, `two crops give ${logits?.length} logits instead of ${2 * leukocyteClasses.length}`);
  if (!logits.every((value) => Number.isFinite(value))) throw invalid(source, "logits are not finite");
};
