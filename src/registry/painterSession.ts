import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { type InferenceSession, Tensor } from "onnxruntime-node";
import { CytoError } from "../core/index.js";
import { openSession, type SessionRequest } from "../detection/index.js";
import type { PainterSource } from "./load.js";

/** What one picture is painted from; W and H multiples of the network's `multiple`. */
export interface PaintingFeeds {
  readonly width: number;
  readonly height: number;
  /** float32 [maskPlanes,H,W] */
  readonly masks: Float32Array;
  /** float32 [9] in [0,1] */
  readonly stain: Float32Array;
  /** float32 [noisePlanes,H,W]; read where the network has noise planes. */
  readonly noise?: Float32Array | undefined;
}

/** A painting network with its session. Owner of native memory: dispose it. */
export interface PainterSession extends AsyncDisposable {
  /**
   * float32 [3,H,W], RGB in [0,1]. Blocks the thread that it is called in while the network runs.
   * @throws CytoError INTERNAL where onnxruntime fails
   */
  paint(feeds: PaintingFeeds): Promise<Float32Array>;
}

/** What tells a painting network apart. */
export type PaintingNetwork = Pick<PainterSource, "maskPlanes" | "noisePlanes" | "multiple">;

export type PainterSessionOptions = Pick<SessionRequest, "provider"> & { readonly threads?: number };

class OpenSession implements PainterSession {
  constructor(
    private readonly session: InferenceSession,
    private readonly network: PaintingNetwork,
  ) {}

  async paint({ width, height, masks, stain, noise }: PaintingFeeds): Promise<Float32Array> {
    const { maskPlanes, noisePlanes } = this.network;
    const planes = (data: Float32Array, count: number) => new Tensor("float32", data, [1, count, height, width]);
    const feeds: Record<string, Tensor> = {
      masks: planes(masks, maskPlanes),
      stain: new Tensor("float32", stain, [1, stain.length]),
    };
    if (noisePlanes > 0) feeds.noise = planes(noise ?? new Float32Array(noisePlanes * width * height), noisePlanes);
    try {
      const { picture } = await this.session.run(feeds);
      return (picture!.location === "cpu" ? picture!.data : await picture!.getData()) as Float32Array;
    } catch (error) {
      throw CytoError.from(error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.session.release();
  }
}

/** A session of a painting network that is at hand as an ONNX file's bytes. @throws CytoError PROVIDER_UNAVAILABLE, INTERNAL */
export const createPainterSession = async (
  bytes: Uint8Array,
  network: PaintingNetwork,
  { provider, threads = 0 }: PainterSessionOptions,
): Promise<PainterSession> => {
  try {
    return new OpenSession(await openSession(bytes, { provider, threads }), network);
  } catch (error) {
    throw CytoError.from(error, provider === "cpu" ? "INTERNAL" : "PROVIDER_UNAVAILABLE");
  }
};

const invalid = ({ ref, filePath }: PainterSource, reason: string, cause?: unknown): CytoError =>
  new CytoError("MODEL_INVALID", `${ref.name} ${ref.version}: ${reason}`, { cause, context: { file: filePath } });

/**
 * Opens a painter's network: hash, then a trial run whose picture must have the right size and lie in [0,1]; the trial
 * also warms the session up.
 * @throws CytoError MODEL_NOT_FOUND, MODEL_INVALID with the reason, PROVIDER_UNAVAILABLE
 */
export const openPainterSession = async (
  source: PainterSource,
  options: PainterSessionOptions,
): Promise<PainterSession> => {
  const bytes = await readFile(source.filePath).catch((error: unknown) => {
    throw new CytoError("MODEL_NOT_FOUND", `${source.filePath} cannot be read`, { cause: error });
  });
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  if (sha256 !== source.ref.sha256) throw invalid(source, `SHA-256 is ${sha256} instead of ${source.ref.sha256}`);
  const session = await createPainterSession(bytes, source, options).catch((error: unknown) => {
    const failure = CytoError.from(error);
    throw failure.code === "PROVIDER_UNAVAILABLE"
      ? failure
      : invalid(source, `onnxruntime does not load it: ${failure.message}`, error);
  });
  const side = 2 * source.multiple;
  try {
    const picture = await session.paint({
      width: side,
      height: side,
      masks: new Float32Array(source.maskPlanes * side * side),
      stain: new Float32Array(9).fill(0.7),
    });
    if (picture.length !== 3 * side * side) throw invalid(source, `${side} px squared give ${picture.length} values`);
    if (!picture.every((value) => value >= -0.001 && value <= 1.001)) throw invalid(source, "colours leave [0, 1]");
    return session;
  } catch (error) {
    await session[Symbol.asyncDispose]();
    throw error instanceof CytoError && error.code === "MODEL_INVALID"
      ? error
      : invalid(source, `its trial run failed: ${error instanceof Error ? error.message : String(error)}`, error);
  }
};
