import { type Observable, Subject } from "rxjs";
import { loadStage } from "../../drivers/index.js";
import { type AcquiredFrame, type Acquisition, type FrameQuality, QualityMeter } from "../acquisition/index.js";
import { type Config, loadDriverOptions } from "../config/index.js";
import { type Clock, CytoError, DisposalStack } from "../core/index.js";
import type { Detector } from "../detection/index.js";
import type { Logger } from "../observability/index.js";
import {
  autofocus,
  type CountedScanField,
  calibrateOptics,
  checkObjective,
  createFocusControl,
  createScanDesk,
  LightCorrector,
  measureLight,
  type OpticsCalibration,
  type OpticsStore,
  openOpticsStore,
  openStageControl,
  type ScanDesk,
  type ScanDeskOptions,
  type StageControl,
  verifyObjective,
} from "../scan/index.js";
import { type LaboratoryPaths, laboratoryPaths } from "../store/index.js";
import { dataDirectoryOf } from "./laboratory.js";
import type { CountedFrame } from "./messages.js";
import { SettledFrames } from "./settledFrames.js";

/** A counted field of a scan, as it is published. */
export type ScannedField = CountedFrame & Pick<AcquiredFrame, "quality">;

export interface MicroscopeParts {
  readonly detector: Detector;
  readonly acquisition: Acquisition;
  /** Whether somebody looks at density maps. */
  readonly wantsDensity: () => boolean;
}

/** Stage, optics and scans, joined to the live stream. Dispose of it after the publication, before the detector and the camera. */
export interface Microscope extends AsyncDisposable {
  readonly desk: ScanDesk;
  readonly field$: Observable<ScannedField>;
  /** From now on there are frames and a detector; until then scans are refused as NOT_READY. */
  serve(parts: MicroscopeParts): void;
  /**
   * Shows a frame of the stream. `taken`: it belongs to whoever waits for a picture of the standing stage. `look`: nothing is under way;
   * it may be searched and shown. `leave`: the stage moves, or a scan is between two fields.
   */
  offer(acquired: AcquiredFrame): "taken" | "look" | "leave";
}

export interface MicroscopeOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Logger;
  readonly camera: { readonly name: string; readonly simulated: boolean };
  /** Folder that holds `stages/`; the project's own drivers unless given. */
  readonly driversDirectory?: string | undefined;
}

/** How far to either side the autofocus looks, um. */
const focusReachUm = 18;
/** As many times its play further off an axis begins its approach (src/scan/motion). */
const approachPlays = 1.5;

const openStage = async ({ config, log, driversDirectory }: MicroscopeOptions, name: string): Promise<StageControl> => {
  const { source, options, limitsUm, backlashUm, openTimeoutMs, moveTimeoutMs, reconnect } = config.stage;
  const driver = await loadStage(name, driversDirectory === undefined ? {} : { directory: driversDirectory });
  return openStageControl({
    driver,
    source,
    options: loadDriverOptions(driver.manifest.options, options),
    ...{ limitsUm, backlashUm, openTimeoutMs, moveTimeoutMs, reconnect },
    onFault: (error) => log.limited("stage.fault", { stage: name, error }),
    onNotice: (message) => log.event("stage.notice", { stage: name, message }),
  });
};

/** Where fields may be: the limits, less the way on which play is taken up. */
const reachOf = ({ limitsUm, backlashUm }: Config["stage"]): ScanDeskOptions["limitsUm"] => {
  const axis = (name: "x" | "y") => {
    const range = limitsUm[name];
    return range === undefined ? {} : { [name]: { min: range.min + approachPlays * backlashUm[name], max: range.max } };
  };
  return { ...axis("x"), ...axis("y") };
};

class LiveMicroscope implements Microscope {
  readonly desk: ScanDesk;
  readonly field$: Observable<ScannedField>;
  readonly #fields = new Subject<ScannedField>();
  readonly #owner: DisposalStack;
  readonly #options: MicroscopeOptions;
  readonly #stage: StageControl;
  readonly #optics: OpticsStore;
  readonly #frames: SettledFrames;
  readonly #meter = new QualityMeter();
  #parts: MicroscopeParts | undefined;
  #light: LightCorrector | undefined;
  #scanning = false;

  constructor(
    options: MicroscopeOptions,
    parts: { paths: LaboratoryPaths; stage: StageControl; optics: OpticsStore; owner: DisposalStack },
  ) {
    const { config, clock } = options;
    this.#options = options;
    this.#stage = parts.stage;
    this.#optics = parts.optics;
    this.#owner = parts.owner;
    this.field$ = this.#fields.asObservable();
    const { latencyMs, openTimeoutMs } = config.camera;
    this.#frames = new SettledFrames({
      clock,
      latencyMs: latencyMs + config.stage.settleMs,
      live: () => this.#parts?.acquisition.pace !== "onDemand",
      timeoutMs: openTimeoutMs,
    });
    const light = parts.optics.light(config.optics.objective);
    if (light !== undefined) this.#light = new LightCorrector(light);
    const desk = parts.owner.use("scans", createScanDesk(this.#deskOptions(parts.paths)), 4000);
    this.desk = desk;
    desk.onChange((record) => {
      if (record === undefined) return;
      this.#scanning = record.state === "running";
      options.log.limited("scan.changed", { scan: record.id, state: record.state, fields: record.fieldsDone });
    });
  }

  serve(parts: MicroscopeParts): void {
    this.#parts = parts;
  }

  offer(acquired: AcquiredFrame): "taken" | "look" | "leave" {
    this.#light?.apply(acquired.frame);
    if (this.#frames.offer(acquired)) return "taken";
    const { state } = this.#stage.status;
    const idle = !this.#scanning && !this.#frames.wanted && this.desk.status().busy === null;
    return idle && state !== "moving" && state !== "homing" ? "look" : "leave";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const failures = await this.#owner.close();
    this.#fields.complete();
    if (failures[0]) throw failures[0].error;
  }

  #deskOptions(paths: LaboratoryPaths): ScanDeskOptions {
    const { config, clock, camera } = this.#options;
    const stage = this.#stage;
    const frames = this.#frames;
    const calibration = () => this.#optics.calibration(config.optics.objective);
    return {
      ...{ paths, stage, frames, clock, camera, calibration },
      objective: config.optics.objective,
      limitsUm: reachOf(config.stage),
      counting: config.counting,
      focus: createFocusControl({ stage, frames, calibration }),
      searching: config.detection.workers,
      verify: (signal) => this.#verify(signal),
      procedures: {
        calibrateOptics: (signal) => this.#calibrateOptics(signal),
        calibrateLight: (signal) => this.#calibrateLight(signal),
        focus: (signal) => autofocus({ stage, frames, reachUm: focusReachUm, signal }),
      },
      detect: this.#detect,
      onField: (field) => this.#fields.next(this.#published(field)),
    };
  }

  readonly #detect: ScanDeskOptions["detect"] = async (frame, signal, { redCells } = {}) => {
    const { detector, wantsDensity } = this.#served;
    return detector.detect(frame, { returnPixels: true, density: wantsDensity(), redCells, signal });
  };

  /** @throws CytoError NOT_READY */
  get #served(): MicroscopeParts {
    if (this.#parts === undefined) throw new CytoError("NOT_READY", "camera and detector are still being opened");
    return this.#parts;
  }

  #published({ frame, detection, outcome, counts }: CountedScanField): ScannedField {
    const shown = detection.pixels === undefined ? frame : { ...frame, pixels: detection.pixels };
    const quality: FrameQuality = this.#frames.qualityOf(frame) ?? this.#meter.measure(shown);
    return { frame: shown, detection, outcome, placedCells: outcome.placedCells, counts, quality };
  }

  async #calibrateOptics(signal: AbortSignal) {
    const { config, clock, log } = this.#options;
    const { objective } = config.optics;
    const kept = this.#optics.calibration(objective);
    // Before anything moves: under the name of one objective another would be kept.
    if (kept !== undefined) await this.#checkCells(kept, signal);
    const result = await calibrateOptics({ stage: this.#stage, frames: this.#frames, objective, clock, signal });
    await this.#checkCells(result.calibration, signal).catch((cause: unknown) => {
      const { code, message } = CytoError.from(cause);
      if (code !== "OBJECTIVE_CHANGED") throw cause;
      throw new CytoError("CALIBRATION_FAILED", message, {
        ...{ cause, remedy: "Check how many steps the stage's driver takes for a um; red cells are 7.5 um across." },
      });
    });
    await this.#optics.keepCalibration(result.calibration);
    const { umPerPixel, rotationDegrees, mirrored, residualPx } = result.calibration;
    log.event("optics.calibrated", {
      objective,
      umPerPixel,
      rotationDegrees,
      mirrored,
      residualPx,
      playUm: result.playUm,
    });
    return { umPerPixel, rotationDegrees, mirrored, residualPx, steps: result.steps };
  }

  async #calibrateLight(signal: AbortSignal) {
    const { config, clock } = this.#options;
    const { objective } = config.optics;
    const before = this.#light;
    // Measured is the light as it is, not as it was made even before.
    this.#light = undefined;
    try {
      const light = await measureLight(this.#frames, signal);
      await this.#optics.keepLight(objective, light, clock.now());
      this.#light = new LightCorrector(light);
      return { evenness: light.evenness };
    } catch (error) {
      this.#light = before;
      throw error;
    }
  }

  /** @throws CytoError OBJECTIVE_CHANGED where the red cells under the standing stage do not fit a calibration */
  #checkCells(calibration: OpticsCalibration, signal: AbortSignal): Promise<void> {
    const look = { take: () => this.#frames.take(signal), detect: this.#detect };
    return this.#parts === undefined ? Promise.resolve() : checkObjective(calibration, look, signal);
  }

  /** Another objective than the calibrated one ends it; a place that shows nothing tells nothing. */
  async #verify(signal: AbortSignal): Promise<void> {
    const calibration = this.#optics.calibration(this.#options.config.optics.objective);
    if (calibration === undefined || this.#parts === undefined) return;
    try {
      await verifyObjective(calibration, { stage: this.#stage, frames: this.#frames, signal });
    } catch (error) {
      const { code } = CytoError.from(error);
      if (code !== "CALIBRATION_FAILED" && code !== "STAGE_LIMIT") throw error;
    }
  }
}

/**
 * The microscope that is configured; undefined where there is no stage. Opening it moves nothing.
 * @throws CytoError STAGE_NOT_FOUND, DRIVER_INVALID, CONFIG_INVALID, STORE_DAMAGED, STORE_FAILED
 */
export const openMicroscope = async (options: MicroscopeOptions): Promise<Microscope | undefined> => {
  const { name } = options.config.stage;
  if (name === undefined) return undefined;
  const owner = new DisposalStack();
  try {
    const paths = laboratoryPaths(dataDirectoryOf(options.config));
    const optics = owner.use("optics", await openOpticsStore(paths.optics));
    const stage = owner.use("stage", await openStage(options, name), 4000);
    return new LiveMicroscope(options, { paths, stage, optics, owner });
  } catch (error) {
    await owner.close();
    throw error;
  }
};
