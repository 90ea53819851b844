import { concatMap, EMPTY, filter, interval, map, type Observable, of, type Subscription } from "rxjs";
import { loadCamera } from "../drivers/index.js";
import { type AcquiredFrame, type Acquisition, acquire, type CameraStatus } from "./acquisition/index.js";
import { type Config, loadDriverOptions } from "./config/index.js";
import { type Clock, CytoError, DisposalStack, systemClock } from "./core/index.js";
import { count } from "./counting/index.js";
import {
  type CountedFrame,
  cellTotals,
  fieldMessages,
  type Laboratory,
  type LaboratoryOptions,
  type Microscope,
  openLaboratory,
  openMicroscope,
  Progress,
} from "./daemon/index.js";
import { dashboardDirectory } from "./dashboard/index.js";
import { createDetector, type DetectedFrame, type Detector, detect, type UndetectedFrame } from "./detection/index.js";
import {
  createHealthRegistry,
  createLogger,
  createMetrics,
  type HealthRegistry,
  type LogEvent,
  type Logger,
  type Metrics,
} from "./observability/index.js";
import { createPublication, type Publication } from "./publication/index.js";

/** How often status and metrics are brought up to date. */
const statusIntervalMs = 500;

export interface DaemonOptions {
  readonly config: Config;
  /** Of cytostream. */
  readonly version: string;
  readonly log?: Logger;
  readonly clock?: Clock;
  /** Folder that holds `cameras/`; the project's own drivers unless given. */
  readonly driversDirectory?: string;
}

/** A running daemon. */
export interface Daemon {
  /** Where the dashboard is. */
  readonly url: string;
  /** Resolves with the error that the daemon cannot go on after; never, while it can. */
  readonly failed: Promise<CytoError>;
  /** Counts the frames already taken, closes everything, and says which parts did not close well. Idempotent. */
  stop(): Promise<readonly CytoError[]>;
}

interface Stations {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Logger;
  readonly health: HealthRegistry;
  readonly metrics: Metrics;
  readonly laboratory: Laboratory;
  readonly publication: Publication;
  readonly detector: Detector;
  readonly acquisition: Acquisition;
  /** Where there is a stage. */
  readonly microscope: Microscope | undefined;
  readonly progress: Progress;
}

type Qualified<Found> = Found & Pick<AcquiredFrame, "quality">;
type CountedQualified = Qualified<CountedFrame>;

const loggerOf = ({ log }: Config): Logger =>
  createLogger({
    level: log.level,
    pretty: log.format === "pretty" || (log.format === "auto" && process.stderr.isTTY === true),
    limitIntervalMs: log.limitIntervalMs,
  });

/** The port, before the rest: probes and dashboard say `starting` while models load. */
const openPublication = (
  { config, version }: DaemonOptions,
  {
    laboratory,
    microscope,
    ...parts
  }: Pick<Stations, "log" | "health" | "metrics" | "clock" | "laboratory" | "microscope">,
) => {
  const { dashboard, ...options } = config.publication;
  const folder = dashboard ? dashboardDirectory() : undefined;
  return createPublication({
    ...options,
    ...parts,
    version,
    desks: { ...laboratory.desks, scans: microscope?.desk },
    ...(folder === undefined ? {} : { dashboardDir: folder }),
  });
};

const openDetector = async ({ detection, optics }: Config, laboratory: Laboratory, log: Logger): Promise<Detector> => {
  const { provider, workers, threads, timeoutMs } = detection;
  const { umPerPixel } = optics;
  const detector = await createDetector({
    models: laboratory.models,
    ...{ provider, workers, threads, timeoutMs },
    ...(umPerPixel === undefined ? {} : { umPerPixel }),
    onCrash: (error) => log.limited("detection.crashed", { error }),
  });
  laboratory.serve(detector);
  log.event("detection.ready", { provider: detector.provider, workers: detector.workers, models: detector.models });
  return detector;
};

/** Everything that the flow passes, opened; `owner` closes it in reverse order. */
const openStations = async (options: DaemonOptions, owner: DisposalStack, log: Logger): Promise<Stations> => {
  const { config, version, clock = systemClock, driversDirectory } = options;
  const { name, source, options: given, latencyMs: _latencyMs, ...watch } = config.camera;
  const metrics = owner.use("metrics", createMetrics());
  const health = createHealthRegistry(clock, ["publication", "detection", "camera"]);
  const driver = await loadCamera(name, driversDirectory === undefined ? {} : { directory: driversDirectory });
  const driverOptions = loadDriverOptions(driver.manifest.options, given);
  let publication: Publication | undefined;
  const onAlarms: NonNullable<LaboratoryOptions["onAlarms"]> = (alarms) =>
    publication?.publish({ type: "alerts", alarms: [...alarms] });
  const laboratory = owner.use("laboratory", await openLaboratory({ config, version, clock, log, onAlarms }), 7000);
  const { simulated } = driver.manifest;
  const opened = await openMicroscope({ config, clock, log, camera: { name, simulated }, driversDirectory });
  const microscope = opened && owner.use("microscope", opened, 6000);
  const parts = { log, health, metrics, clock, laboratory, microscope };
  publication = owner.use("publication", await openPublication(options, parts), 2000);
  await laboratory.noteUrl(publication.url);
  health.report("publication", "ready");
  const detector = owner.use("detector", await openDetector(config, laboratory, log), 2000);
  health.report("detection", "ready");
  const onFault = (error: CytoError): void => log.limited("frame.rejected", { error });
  const onNotice = (message: string): void => log.event("camera.notice", { camera: name, message });
  const reports = { onFault, onNotice };
  const acquisition = owner.use(
    "camera",
    acquire({ driver, source, driverOptions, clock, ...reports, ...watch }),
    2000,
  );
  microscope?.serve({ detector, acquisition, wantsDensity: () => publication.wants("density") });
  const progress = new Progress({
    ...{ clock, metrics, health },
    camera: name,
    source: source ?? "",
    simulated,
    cameraStatus: () => acquisition.status,
    frameCounts: () => acquisition.counts,
    detector: () => detector,
  });
  return { config, clock, log, health, metrics, laboratory, publication, detector, acquisition, microscope, progress };
};

const isDetected = (found: Qualified<DetectedFrame | UndetectedFrame>): found is Qualified<DetectedFrame> =>
  "detection" in found;

/** Frames searched for cells. Of a live camera the newest win; a frame of a standing stage belongs to the scan that waits for it. */
const searchedFrames = (stations: Stations): Observable<Qualified<DetectedFrame>> => {
  const { acquisition, detector, microscope, publication, config, progress, log, metrics } = stations;
  const search = (acquired: AcquiredFrame): Observable<Qualified<DetectedFrame | UndetectedFrame>> => {
    if (microscope !== undefined && microscope.offer(acquired) !== "look") return EMPTY;
    const { frame, quality } = acquired;
    return of(frame).pipe(
      detect(detector, { density: publication.wants("density") }),
      map((found) => ({ ...found, quality })),
    );
  };
  const reportFailure = ({ error }: UndetectedFrame): void => {
    progress.failed(error.code);
    log.limited("detection.failed", { error });
  };
  const found$ = acquisition.process(search, {
    concurrency: detector.workers,
    waiting: config.detection.framesWaiting,
    onDepth: (waiting) => metrics.queueDepth.set({ queue: "frames-waiting" }, waiting),
  });
  return found$.pipe(
    filter((found) => {
      if (!isDetected(found)) reportFailure(found);
      return isDetected(found);
    }),
    map((found) => found as Qualified<DetectedFrame>),
  );
};

/** The flow: camera -> frames -> cells -> each cell once. Counts never pass a lossy operator. */
const countedFrames = (stations: Stations): Observable<CountedQualified> =>
  searchedFrames(stations).pipe(count(stations.config.counting));

/** Under a stage fields are counted in scans; between them each frame is searched and shown by itself. One at a time, at once. */
const lookedAtFrames = (stations: Stations): Observable<CountedQualified> =>
  searchedFrames(stations).pipe(concatMap((found) => of(found).pipe(count(stations.config.counting))));

/** The newest counts: with each field, and again when they grow stale or cease to be. */
const publishCounts = ({ publication, progress }: Stations): void => {
  const { counts, stale } = progress;
  if (counts !== undefined) publication.publish({ type: "counts", counts, stale });
};

const publishField = (stations: Stations, field: CountedQualified): void => {
  const { publication, progress, metrics, laboratory } = stations;
  const { cells, frame } = fieldMessages(field);
  laboratory.counted(field, field.quality);
  publication.publish(frame);
  publication.publish(cells);
  progress.counted(field, field.quality);
  publishCounts(stations);
  for (const [cellClass, cellCount] of cellTotals(field.counts))
    metrics.cellsCounted.set({ class: cellClass }, cellCount);
};

/** A frame that is in no count: between scans. */
const publishLook = ({ publication, progress, laboratory }: Stations, field: CountedQualified): void => {
  const { cells, frame } = fieldMessages(field);
  laboratory.looked(field);
  publication.publish(frame);
  publication.publish(cells);
  progress.looked(field, field.quality);
};

const publishStatus = ({ publication, progress, laboratory }: Stations): void => {
  laboratory.update();
  progress.update();
  publication.publish(progress.status());
};

const cameraEvents: Readonly<Record<CameraStatus["state"], LogEvent>> = {
  opening: "camera.opening",
  streaming: "camera.running",
  stale: "camera.stale",
  reconnecting: "camera.retrying",
  ended: "camera.ended",
  failed: "camera.failed",
};

const watchCamera = (stations: Stations, status: CameraStatus): void => {
  const { log, metrics, config } = stations;
  const { state, cause, message, attempt, retryInMs } = status;
  const fields = { camera: config.camera.name, source: config.camera.source, cause, message, attempt, retryInMs };
  if (state === "reconnecting") {
    metrics.cameraReconnects.inc({ code: cause ?? "INTERNAL" });
    log.limited(cameraEvents[state], fields);
  } else log.event(cameraEvents[state], fields);
  publishStatus(stations);
};

/** Ends the taking of frames and waits until those taken are counted, or the time for it is up. */
const drain = async ({ acquisition, config }: Stations, counted: Promise<unknown>): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, config.shutdown.drainTimeoutMs);
  });
  await Promise.race([Promise.all([acquisition[Symbol.asyncDispose](), counted]), deadline]);
  clearTimeout(timer);
};

/** Lets the frames flow. The one place that subscribes. */
const runFlow = (
  stations: Stations,
): { failed: Promise<CytoError>; drained: Promise<void>; subscriptions: Subscription[] } => {
  const { acquisition, health, microscope } = stations;
  let fail: (error: CytoError) => void = () => {};
  let finish: () => void = () => {};
  const failed = new Promise<CytoError>((resolve) => {
    fail = resolve;
  });
  const drained = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const ending = {
    complete: finish,
    error: (reason: unknown): void => {
      const error = CytoError.from(reason);
      health.fatal(error.code);
      finish();
      fail(error);
    },
  };
  const subscriptions = [
    acquisition.status$.subscribe((status) => watchCamera(stations, status)),
    acquisition.stale$.subscribe(() => publishCounts(stations)),
    interval(statusIntervalMs).subscribe(() => publishStatus(stations)),
    microscope === undefined
      ? countedFrames(stations).subscribe({ ...ending, next: (field) => publishField(stations, field) })
      : lookedAtFrames(stations).subscribe({ ...ending, next: (field) => publishLook(stations, field) }),
    ...(microscope === undefined ? [] : [microscope.field$.subscribe((field) => publishField(stations, field))]),
  ];
  return { failed, drained, subscriptions };
};

/**
 * Starts the daemon: opens all stations, then lets frames flow.
 * @throws CytoError whatever keeps a station from opening (docs/errors.md); what was opened is closed again
 */
export const startDaemon = async (options: DaemonOptions): Promise<Daemon> => {
  const log = options.log ?? loggerOf(options.config);
  const owner = new DisposalStack();
  const { camera, optics, detection } = options.config;
  const facts = { camera: camera.name, source: camera.source, ...optics, provider: detection.provider };
  log.event("daemon.starting", { version: options.version, ...facts });
  try {
    const stations = await openStations(options, owner, log);
    const { failed, drained, subscriptions } = runFlow(stations);
    void stations.laboratory.watchDrift();
    log.event("daemon.ready", { url: stations.publication.url });
    let stopping: Promise<readonly CytoError[]> | undefined;
    const stop = async (): Promise<readonly CytoError[]> => {
      log.event("daemon.stopping");
      await drain(stations, drained);
      publishStatus(stations);
      for (const subscription of subscriptions) subscription.unsubscribe();
      const failures = await owner.close();
      for (const { name, error } of failures) log.event("daemon.closeFailed", { part: name, error });
      log.event("daemon.stopped");
      await log.flush();
      return failures.map(({ error }) => error);
    };
    return {
      url: stations.publication.url,
      failed,
      stop: () => {
        stopping ??= stop();
        return stopping;
      },
    };
  } catch (error) {
    await owner.close();
    await log.flush();
    throw CytoError.from(error);
  }
};

/** All is closed within 10 s of a signal; what is not closed by then is left behind. */
const stopDeadlineMs = 9000;
const stopSignals = ["SIGINT", "SIGTERM"] as const;

/** Ends a process that does not end by itself. Does not keep it alive. */
const exitAtDeadline = (log: Logger): void => {
  const leave = (): void => {
    log.event("daemon.closeFailed", { part: "process", error: new CytoError("CLOSE_TIMEOUT", "not closed in time") });
    log.flush().then(() => process.exit(70));
  };
  setTimeout(leave, stopDeadlineMs).unref();
};

/** What nobody has caught: logged, flushed, and the process ends: its state is unknown. */
const crashOn = (log: Logger): ((reason: unknown) => void) => {
  let crashed = false;
  return (reason) => {
    // What fails while the log is written out is a consequence of the first.
    if (crashed) return;
    crashed = true;
    log.event("daemon.fatal", { error: reason });
    log.flush().then(() => process.exit(CytoError.from(reason).exitCode));
  };
};

/** Resolves at the first signal to stop; a second one ends the process at once. */
const untilSignal = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    let asked = false;
    const onSignal = (): void => {
      if (asked) process.exit(130);
      asked = true;
      resolve();
    };
    for (const name of stopSignals) process.on(name, onSignal);
    signal.addEventListener("abort", () => {
      for (const name of stopSignals) process.off(name, onSignal);
    });
  });

/**
 * The daemon as a process: runs until a signal stops it.
 * @param onReady told where the dashboard is
 * @throws CytoError what kept it from starting, or what it could not go on after
 */
export const runDaemon = async (options: DaemonOptions, onReady: (url: string) => void = () => {}): Promise<void> => {
  const log = options.log ?? loggerOf(options.config);
  const crash = crashOn(log);
  const handlers = new AbortController();
  process.on("uncaughtException", crash).on("unhandledRejection", crash);
  const stopped = untilSignal(handlers.signal);
  try {
    stopped.then(() => exitAtDeadline(log));
    const daemon = await startDaemon({ ...options, log });
    onReady(daemon.url);
    const error = await Promise.race([daemon.failed, stopped.then(() => undefined)]);
    if (error !== undefined) {
      log.event("daemon.fatal", { error });
      exitAtDeadline(log);
    }
    await daemon.stop();
    if (error !== undefined) throw error;
  } finally {
    handlers.abort();
    process.off("uncaughtException", crash).off("unhandledRejection", crash);
  }
};
