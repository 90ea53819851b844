import { availableParallelism } from "node:os";
import { CytoError, type Frame } from "../core/index.js";
import type { Detection, FieldScale, ModelRef, RedCellScale } from "./detection.js";
import type { GoldenFields } from "./golden.js";
import type { DetectorModels, NetworkModel } from "./model.js";
import { chooseProvider, type ProviderChoice } from "./providers/choose.js";
import type { ExecutionProvider } from "./providers/provider.js";
import type { ScaleRequest } from "./runtime/fieldSearcher.js";
import type { WorkerResult } from "./runtime/messages.js";
import { WorkerPool } from "./runtime/pool.js";
import { WorkerHandle } from "./runtime/workerHandle.js";
import { redCellUm } from "./scale/search.js";
import { ScaleTracker } from "./scale/tracker.js";

export interface DetectorOptions {
  readonly models: DetectorModels;
  /** `auto` unless given: the fastest provider that passes a trial. */
  readonly provider?: ProviderChoice;
  /** Worker threads that search fields at the same time; 1 unless given. */
  readonly workers?: number;
  /** Threads of onnxruntime inside each worker; 0 or not given: the machine's cores shared among the workers. */
  readonly threads?: number;
  /** Object-side size of a pixel where the frame does not tell it; without it the scale is estimated. */
  readonly umPerPixel?: number;
  /** A field that takes longer fails with DETECTOR_CRASHED and its worker is replaced; 30 s unless given. */
  readonly timeoutMs?: number;
  /** Fields that may wait for a worker before `detect` refuses more; 64 unless given. */
  readonly waiting?: number;
  /** Told when a worker has died and is being replaced. */
  readonly onCrash?: (error: CytoError) => void;
}

export interface DetectOptions {
  /** Adds the density map to the result. */
  readonly density?: boolean;
  /**
   * Adds what the red cells alone say of the scale: `measure` costs nothing; `search` looks at all scales where red cells do not confirm
   * the one that is known, which costs about ten inferences.
   */
  readonly redCells?: "measure" | "search" | undefined;
  /** Hands the frame's pixels back with the result. */
  readonly returnPixels?: boolean;
  /** Withdraws the field: the promise rejects with DETECTION_CANCELLED at once. */
  readonly signal?: AbortSignal;
}

/** Finds cells in fields: worker threads with ONNX sessions behind a model slot. */
export interface Detector extends AsyncDisposable {
  /** The execution provider that runs the networks. */
  readonly provider: ExecutionProvider;
  /** The models that serve; results name their own. */
  readonly models: Detection["models"];
  readonly workers: number;
  /** Fields that wait for a worker. */
  readonly waiting: number;
  /**
   * Searches a frame. The frame's pixels are transferred to the worker, not copied (unless they are a view of a larger
   * buffer): the frame has lost them afterwards, also where it fails; `returnPixels` hands them back with the result.
   * @throws CytoError FRAME_INVALID, DETECTION_FAILED, DETECTOR_CRASHED, DETECTOR_CLOSED, DETECTION_CANCELLED
   */
  detect(frame: Frame, options?: DetectOptions): Promise<Detection>;
  /**
   * Exchanges the models between two fields: loaded, warmed up and tried on golden fields in every worker first. No field is
   * lost, and each result names the models that made it.
   * @throws CytoError MODEL_NOT_FOUND, MODEL_INVALID, MODEL_SELF_TEST_FAILED, DETECTOR_CRASHED; then the old models serve on
   */
  swap(models: DetectorModels, golden?: GoldenFields): Promise<void>;
}

const refsOf = (models: DetectorModels): { detector: ModelRef; classifier?: ModelRef } => ({
  detector: models.detector.ref,
  ...(models.classifier ? { classifier: models.classifier.ref } : {}),
});

const checkFrame = ({ width, height, pixels }: Frame): void => {
  const sound = Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0;
  if (!sound || pixels.length !== width * height * 3)
    throw new CytoError("FRAME_INVALID", `${pixels.length} bytes are no RGB frame of ${width} x ${height}`);
};

/** The pixels in a buffer of their own, which can be transferred; copied only where they share one. */
const ownPixels = (pixels: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> =>
  pixels.byteLength === pixels.buffer.byteLength ? pixels : pixels.slice();

class PooledDetector implements Detector {
  readonly #pool: WorkerPool;
  readonly #umPerPixel: number | undefined;
  readonly #scales = new ScaleTracker();

  constructor(
    pool: WorkerPool,
    readonly provider: ExecutionProvider,
    readonly workers: number,
    umPerPixel: number | undefined,
  ) {
    this.#pool = pool;
    this.#umPerPixel = umPerPixel;
  }

  get models(): Detection["models"] {
    return refsOf(this.#pool.models);
  }

  get waiting(): number {
    return this.#pool.waiting;
  }

  async detect(frame: Frame, options: DetectOptions = {}): Promise<Detection> {
    checkFrame(frame);
    const scale = this.#scaleOf(frame);
    const { width, height } = frame;
    const result = await this.#pool.search(
      {
        width,
        height,
        pixels: ownPixels(frame.pixels),
        scale,
        density: options.density ?? false,
        searchScale: options.redCells === "search",
        returnPixels: options.returnPixels ?? false,
      },
      options.signal,
    );
    if (scale.kind === "estimate") this.#scales.observe(sourceOf(frame), result.seen);
    const detection = this.#detectionOf(result);
    return options.redCells === undefined ? detection : { ...detection, redCells: redCellScaleOf(result.seen) };
  }

  swap(models: DetectorModels, golden?: GoldenFields): Promise<void> {
    return this.#pool.swap(models, golden);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#pool[Symbol.asyncDispose]();
  }

  #scaleOf(frame: Frame): ScaleRequest {
    const known = (umPerPixel: number, origin: FieldScale["origin"]): ScaleRequest => {
      if (!(umPerPixel > 0 && umPerPixel < Number.POSITIVE_INFINITY))
        throw new CytoError("FRAME_INVALID", `${umPerPixel} um per pixel is no scale`);
      return { kind: "known", scale: { umPerPixel, origin } };
    };
    if (frame.umPerPixel !== undefined) return known(frame.umPerPixel, "frame");
    if (this.#umPerPixel !== undefined) return known(this.#umPerPixel, "config");
    return { kind: "estimate", ...this.#scales.assume(sourceOf(frame)) };
  }

  #detectionOf(result: WorkerResult): Detection {
    return {
      cells: result.cells,
      scale: result.scale,
      models: refsOf(result.models),
      provider: this.provider,
      timings: result.timings,
      ...(result.density ? { density: result.density } : {}),
      ...(result.pixels ? { pixels: result.pixels } : {}),
    };
  }
}

const redCellScaleOf = ({ diameterPx, ...seen }: WorkerResult["seen"]): RedCellScale => ({
  umPerPixel: redCellUm / diameterPx,
  ...seen,
});

/** Frames of one camera and source and size share their scale. */
const sourceOf = ({ camera, source, width, height }: Frame): string => `${camera} ${width}x${height} ${source}`;

/**
 * Opens a detector: chooses the execution provider, starts the workers, loads and tries the models in each.
 * @throws CytoError PROVIDER_UNAVAILABLE, MODEL_NOT_FOUND, MODEL_INVALID
 */
export const createDetector = async (options: DetectorOptions): Promise<Detector> => {
  const provider = await chooseProvider(options.provider ?? "auto");
  const workers = Math.max(1, Math.floor(options.workers ?? 1));
  const threads = options.threads || Math.max(1, Math.floor(availableParallelism() / workers));
  const pool = await WorkerPool.open({
    models: options.models,
    provider,
    workers,
    threads,
    waiting: options.waiting ?? 64,
    timeoutMs: options.timeoutMs ?? 30_000,
    ...(options.onCrash ? { onCrash: options.onCrash } : {}),
  });
  return new PooledDetector(pool, provider, workers, options.umPerPixel);
};

/**
 * Opens a model as a detector would, in a worker thread of its own, tries it and lets it go.
 * @throws CytoError PROVIDER_UNAVAILABLE, MODEL_NOT_FOUND, MODEL_INVALID with the reason
 */
export const tryModel = async (model: NetworkModel, provider: ProviderChoice = "cpu"): Promise<void> => {
  const chosen = await chooseProvider(provider);
  const handle = new WorkerHandle(() => undefined);
  try {
    await handle.ask({ type: "try", model, provider: chosen, threads: 1 });
  } finally {
    await handle.close(4000);
  }
};
