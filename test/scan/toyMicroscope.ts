import { setTimeout as wait } from "node:timers/promises";
import { BehaviorSubject } from "rxjs";
import type { StagePositionUm, StageTargetUm } from "../../drivers/index.js";
import { CytoError, type ErrorCode, type Frame, systemClock } from "../../src/core/index.js";
import type { PointUm } from "../../src/counting/index.js";
import type { Detection } from "../../src/detection/index.js";
import type {
  FrameSource,
  OpticsCalibration,
  ScanDeskOptions,
  ScanRequest,
  StageControl,
  StageStatus,
} from "../../src/scan/index.js";
import { type FieldPlan, planFields } from "../../src/scan/plan/index.js";
import { lookAt, type ModelSlide, throwCells } from "../counting/slideModel.js";

/** What the toy's camera sees: 80 x 60 um. */
export const toyField = { widthPx: 160, heightPx: 120, umPerPixel: 0.5 } as const;
export const toyFieldUm = { width: 80, height: 60 } as const;

/** A camera turned by 3 degrees against the stage, whose y points the other way. */
const angle = (3 * Math.PI) / 180;
export const toyCalibration: OpticsCalibration = {
  objective: "toy",
  umPerPixel: toyField.umPerPixel,
  toSlide: [Math.cos(angle), Math.sin(angle), Math.sin(angle), -Math.cos(angle)],
  rotationDegrees: 3,
  mirrored: true,
  residualPx: 0.1,
  fieldWidthPx: toyField.widthPx,
  fieldHeightPx: toyField.heightPx,
  atMs: 0,
};

const toSlide = ({ x, y }: PointUm): PointUm => {
  const [a, b, c, d] = toyCalibration.toSlide;
  return { x: a * x + b * y, y: c * x + d * y };
};

export const toySlide = (seed: number, sideUm = 600): ModelSlide =>
  throwCells(seed, { left: -100, top: -100, right: sideUm, bottom: sideUm }, { perMm2: 5000, leastGapUm: 7 });

const within = async (ms: number, signal?: AbortSignal): Promise<void> => {
  await wait(ms, undefined, signal === undefined ? {} : { signal });
};

/** A stage that goes where it is told to, in its own time. */
export class ToyStage implements StageControl {
  readonly name = "toy-stage";
  readonly simulated = true;
  readonly hasFocus = true;
  readonly moves: StageTargetUm[] = [];
  moveMs = 0;
  /** The next move is refused with this. */
  fault: ErrorCode | undefined;
  readonly #status = new BehaviorSubject<StageStatus>({
    state: "ready",
    referenced: true,
    positionUm: { x: 0, y: 0, z: 0 },
  });
  readonly status$ = this.#status.asObservable();
  #halt = new AbortController();

  get status(): StageStatus {
    return this.#status.value;
  }

  get positionUm(): StagePositionUm {
    return this.status.positionUm!;
  }

  set(status: Partial<StageStatus>): void {
    this.#status.next({ ...this.status, ...status });
  }

  async moveTo(target: StageTargetUm, signal?: AbortSignal): Promise<StagePositionUm> {
    if (this.status.state === "stopped") throw new CytoError("STAGE_STOPPED", "the toy was stopped");
    if (this.fault !== undefined) throw new CytoError(this.fault, "the toy is broken");
    this.moves.push(target);
    this.set({ state: "moving" });
    try {
      const signals = [this.#halt.signal, ...(signal === undefined ? [] : [signal])];
      await within(this.moveMs, AbortSignal.any(signals));
    } catch (error) {
      if (!this.#halt.signal.aborted) this.set({ state: "ready" });
      throw new CytoError("STAGE_STOPPED", "the toy's move was stopped", { cause: error });
    }
    this.set({ state: "ready", positionUm: { ...this.positionUm, ...target } });
    return this.positionUm;
  }

  async home(): Promise<StagePositionUm> {
    return this.moveTo({ x: 0, y: 0 });
  }

  async declare(positionUm: StagePositionUm): Promise<void> {
    this.set({ positionUm, referenced: true });
  }

  async stop(): Promise<void> {
    this.#halt.abort();
    this.set({ state: "stopped" });
  }

  release(): void {
    this.#halt = new AbortController();
    this.set({ state: "ready" });
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

const ink: Readonly<Record<string, readonly [number, number, number]>> = {
  erythrocyte: [205, 140, 130],
  platelet: [150, 90, 160],
};
const leukocyteInk = [90, 60, 150] as const;

/** A field of a slide as discs on a light ground. */
export const paintField = (slide: ModelSlide, centre: PointUm): Uint8Array<ArrayBuffer> => {
  const { widthPx, heightPx } = toyField;
  const pixels = new Uint8Array(widthPx * heightPx * 3).fill(230);
  for (const { cellClass, box } of lookAt(slide, centre, { sequence: 0, ...toyField }).cells) {
    const [x, y] = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
    const [a, b] = [(box.right - box.left) / 2, (box.bottom - box.top) / 2];
    const colour = ink[cellClass] ?? leukocyteInk;
    for (let row = Math.floor(box.top); row < box.bottom; row++)
      for (let column = Math.floor(box.left); column < box.right; column++)
        if (((column + 0.5 - x) / a) ** 2 + ((row + 0.5 - y) / b) ** 2 <= 1)
          pixels.set(colour, (row * widthPx + column) * 3);
  }
  return pixels;
};

/** A camera that looks at the slide where the stage stands. */
export class ToyCamera implements FrameSource {
  exposureMs = 0;
  /** The next picture does not come. */
  fault: ErrorCode | undefined;
  #sequence = 0;

  constructor(
    readonly stage: ToyStage,
    public slide: ModelSlide,
  ) {}

  async take(signal?: AbortSignal): Promise<Frame> {
    if (this.fault !== undefined) throw new CytoError(this.fault, "the toy camera is broken");
    if (this.stage.status.state === "moving") throw new CytoError("INTERNAL", "a picture of a moving stage");
    const { widthPx: width, heightPx: height } = toyField;
    const pixels = paintField(this.slide, toSlide(this.stage.positionUm));
    await within(this.exposureMs, signal);
    return {
      ...{ sequence: this.#sequence++, capturedAtMs: Date.now(), width, height, pixels },
      ...{ camera: "toy", source: "slide", simulated: true },
    };
  }
}

export const toyModel = { name: "toy", version: "1.0.0", sha256: "0".repeat(64) };

/** What is there, found by the place that the frame says it shows. */
export const detectToy = (slide: ModelSlide, frame: Frame): Detection => ({
  cells: lookAt(slide, frame.stagePositionUm!, { sequence: 0, ...toyField }).cells,
  scale: { umPerPixel: toyField.umPerPixel, origin: "frame" },
  models: { detector: toyModel },
  provider: "cpu",
  timings: { preprocessMs: 0, inferenceMs: 0, clusteringMs: 0, classificationMs: 0 },
});

export interface ToyMicroscope {
  readonly stage: ToyStage;
  readonly camera: ToyCamera;
  detectMs: number;
  readonly options: ScanDeskOptions;
}

/** Devices of a desk over the scans of a folder. */
export const toyMicroscope = (scans: string, slide: ModelSlide, more: Partial<ScanDeskOptions> = {}): ToyMicroscope => {
  const stage = new ToyStage();
  const camera = new ToyCamera(stage, slide);
  const refuse = async (): Promise<never> => {
    throw new CytoError("STAGE_UNSUPPORTED", "not in the toy");
  };
  const toy: ToyMicroscope = {
    ...{ stage, camera, detectMs: 0 },
    options: {
      ...{ stage, frames: camera, objective: "toy", limitsUm: {}, clock: systemClock },
      paths: { scans },
      camera: { name: "toy", simulated: true },
      calibration: () => toyCalibration,
      procedures: { calibrateOptics: refuse, calibrateLight: refuse, focus: refuse },
      detect: async (frame, signal) => {
        await within(toy.detectMs, signal);
        return detectToy(camera.slide, frame);
      },
      ...more,
    },
  };
  return toy;
};

/** 5 x 4 fields that overlap by a fifth. */
export const toyRequest = (more: Partial<ScanRequest> = {}): ScanRequest => ({
  slide: "S-1",
  plan: { kind: "serpentine", region: { left: 0, top: 0, width: 330, height: 200 }, overlap: 0.2 },
  stop: {},
  focus: "none",
  by: "the test",
  ...more,
});

/** The fields of that request. */
export const toyPlan = (): FieldPlan => {
  const { plan } = toyRequest();
  if (plan.kind !== "serpentine") throw new Error("the toy's plan is a serpentine");
  return planFields(plan, toyFieldUm);
};
