import { CytoError } from "../core/index.js";
import { type CountingOptions, countingOptions } from "../counting/index.js";
import type { MicroscopeStatus, ScanDesk, ScanRecord, ScanRequest, ScanSetup, StageAction } from "./desk.js";
import { Microscope, type MicroscopeOptions } from "./microscope.js";
import { type OpenScan, OpenScans } from "./openScans.js";
import { checkReach, outermostCentres, type ReachUm, scanPlanSchema } from "./plan/index.js";
import type { OpticsCalibration } from "./ports.js";
import {
  createScan,
  cutOut,
  fieldSizeOf,
  galleryOf,
  listScans,
  newScanId,
  openScanJournal,
  readHeader,
  readPicture,
  replay,
  ScanCourse,
  type ScanFolder,
  type ScanHeader,
  type ScanPaths,
  scanFolder,
} from "./record/index.js";
import { checkSetup, checkStandingField, type ScanPorts, ScanRun, slideMapping } from "./run/index.js";
import { stopRulesSchema } from "./stopping/index.js";

export interface ScanDeskOptions
  extends Omit<MicroscopeOptions, "onChange">,
    Omit<ScanPorts, "stage" | "settleMs" | "searching"> {
  readonly paths: ScanPaths;
  readonly camera: { readonly name: string; readonly simulated: boolean };
  /** Travel that the stage is allowed, its own axes. */
  readonly limitsUm: ReachUm;
  readonly counting?: Partial<CountingOptions> | undefined;
  /** Kept pictures of fields: JPEG quality, and the longer side at most. 80 and 1280 unless given. */
  readonly pictures?: { readonly quality: number; readonly maxSidePx: number } | undefined;
  /**
   * Looks, before a scan begins and after all that needs no motion was checked, whether the microscope is still the calibrated one.
   * @throws CytoError OBJECTIVE_CHANGED, and the stage's and the camera's codes
   */
  readonly verify?: ((signal: AbortSignal) => Promise<void>) | undefined;
  /** 0 unless given: the stage's control waits itself. */
  readonly settleMs?: number | undefined;
  /** Fields that the detector searches at the same time; 1 unless given. */
  readonly searching?: number | undefined;
  /** Bound of the tiles kept for each scan's map; 256 MiB unless given. */
  readonly tileBytes?: number | undefined;
}

const defaultPictures = { quality: 80, maxSidePx: 1280 };
const defaultTileBytes = 256 * 1024 * 1024;
/** Entries of the calibration's matrix by which one camera, calibrated anew, differs: half a degree. */
const sameMapping = 0.01;

const invalid = (error: { readonly message: string }): CytoError =>
  new CytoError("SCAN_PLAN_INVALID", error.message, { cause: error });

class LaboratoryScanDesk implements ScanDesk, AsyncDisposable {
  readonly #options: ScanDeskOptions;
  readonly #scans: OpenScans;
  readonly #microscope: Microscope;
  readonly #listeners = new Set<(scan: ScanRecord | undefined) => void>();
  readonly #watching: { unsubscribe(): void };
  #run: ScanRun | undefined;
  /** What the run is at: kept apart, whatever else is looked at meanwhile. */
  #live: OpenScan | undefined;
  #beginning: Promise<ScanRecord> | undefined;
  readonly #closing = new AbortController();
  #closed = false;

  constructor(options: ScanDeskOptions) {
    this.#options = options;
    this.#scans = new OpenScans(options.tileBytes ?? defaultTileBytes);
    const { stage, objective, calibration, procedures } = options;
    this.#microscope = new Microscope({
      ...{ stage, objective, calibration, procedures },
      onChange: () => this.#changed(undefined),
    });
    this.#watching = stage.status$.subscribe(() => this.#changed(undefined));
  }

  start(request: ScanRequest): Promise<ScanRecord> {
    return this.#begin(async () => {
      const header = this.#headerOf(request, this.#calibration());
      const course = new ScanCourse(header);
      this.#checkMotion(course);
      await checkStandingField(this.#ports(), header, this.#closing.signal);
      await this.#options.verify?.(this.#closing.signal);
      const folder = await createScan(this.#options.paths, header);
      return this.#open(folder, course, await openScanJournal(folder));
    });
  }

  async pause(id: string): Promise<ScanRecord> {
    const run = await this.#unended(id);
    await run?.pause();
    return this.show(id);
  }

  resume(id: string): Promise<ScanRecord> {
    return this.#begin(async () => {
      const folder = scanFolder(this.#options.paths, id);
      const header = await readHeader(folder);
      const journal = await openScanJournal(folder);
      try {
        const course = await replay(header, journal.entries);
        if (course.ended) throw new CytoError("SCAN_ENDED", `scan ${id} has ended: it is ${course.state}`);
        this.#checkSame(header);
        this.#checkMotion(course);
        await checkStandingField(this.#ports(), header, this.#closing.signal);
        return await this.#open(folder, course, journal);
      } catch (error) {
        await journal[Symbol.asyncDispose]();
        throw error;
      }
    });
  }

  async abort(id: string, by: string): Promise<ScanRecord> {
    const run = await this.#unended(id);
    await run?.abort(by);
    // Also where it had been paused just before it was aborted.
    if ((await this.show(id)).state === "paused") await this.#abortPaused(scanFolder(this.#options.paths, id), by);
    return this.show(id);
  }

  async list(): Promise<readonly ScanRecord[]> {
    const records: ScanRecord[] = [];
    for (const id of await listScans(this.#options.paths)) {
      // One that cannot be read must not hide the others; `show` says what is wrong with it.
      const record = await this.show(id).catch((error: unknown) => {
        if (["SCAN_NOT_FOUND", "STORE_DAMAGED"].includes(CytoError.from(error).code)) return undefined;
        throw error;
      });
      if (record !== undefined) records.push(record);
    }
    return records;
  }

  async show(id: string): Promise<ScanRecord> {
    if (this.#run?.id === id) return this.#run.course.record(true);
    return this.#scans.record(scanFolder(this.#options.paths, id));
  }

  async fields(id: string, { from = 0, limit = Number.POSITIVE_INFINITY }: Parameters<ScanDesk["fields"]>[1] = {}) {
    const { course } = await this.#scan(id);
    const first = Math.max(0, from);
    return course.fields.slice(first, first + limit).map(({ index }) => course.fieldOf(index));
  }

  async fieldCells(id: string, field: number) {
    return (await this.#scanWith(id, field)).course.cellsOf(field);
  }

  async fieldPicture(id: string, field: number) {
    return readPicture((await this.#scanWith(id, field)).folder, field);
  }

  async cells(id: string, query: Parameters<ScanDesk["cells"]>[1]) {
    return galleryOf((await this.#scan(id)).course, query);
  }

  async cellPicture(id: string, cell: number) {
    const { folder, course } = await this.#scan(id);
    return cutOut(folder, course, cell);
  }

  async map(id: string) {
    return (await this.#scan(id)).mosaic.map;
  }

  async mapTile(id: string, tile: Parameters<ScanDesk["mapTile"]>[1]) {
    return (await this.#scan(id)).mosaic.tile(tile);
  }

  status(): MicroscopeStatus {
    return this.#microscope.status;
  }

  async stage(action: StageAction, _by: string): Promise<MicroscopeStatus> {
    if (action.action !== "stop" && action.action !== "release") {
      await this.#standing();
      this.#checkNoScan();
    }
    await this.#microscope.act(action);
    this.#changed(undefined);
    return this.status();
  }

  async calibrate(what: "optics" | "light", _by: string) {
    await this.#standing();
    this.#checkNoScan();
    return this.#microscope.calibrate(what);
  }

  async focus(_by: string) {
    await this.#standing();
    this.#checkNoScan();
    return this.#microscope.focus();
  }

  onChange(listener: (scan: ScanRecord | undefined) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#closing.abort();
    this.#watching.unsubscribe();
    await this.#beginning?.catch(() => {});
    await Promise.all([this.#run?.close(), this.#microscope.close()]);
    this.#listeners.clear();
  }

  #changed(record: ScanRecord | undefined): void {
    for (const listener of this.#listeners) listener(record);
  }

  /** A scan that stands still already, and is only being closed, is waited for. */
  async #standing(): Promise<void> {
    while (this.#run !== undefined && this.#run.course.state !== "running") await this.#run.ended;
  }

  #checkNoScan(): void {
    if (this.#closed) throw new CytoError("SHUTTING_DOWN", "the microscope is being closed");
    if (this.#run !== undefined || this.#beginning !== undefined)
      throw new CytoError("SCAN_RUNNING", this.#run ? `scan ${this.#run.id} is under way` : "a scan is beginning");
  }

  /** One scan at a time, from its first check on. */
  async #begin(open: () => Promise<ScanRun>): Promise<ScanRecord> {
    await this.#standing();
    this.#checkNoScan();
    this.#microscope.checkIdle();
    // From the checks to here nothing else had its turn.
    this.#beginning = this.#enter(open).finally(() => {
      this.#beginning = undefined;
    });
    return this.#beginning;
  }

  async #enter(open: () => Promise<ScanRun>): Promise<ScanRecord> {
    const run = await open();
    const live = this.#scans.of(run.folder, run.course);
    [this.#run, this.#live] = [run, live];
    void run.ended.then(() => {
      this.#scans.keep(live);
      [this.#run, this.#live] = [undefined, undefined];
      this.#changed(run.course.record(false));
    });
    const record = run.course.record(true);
    this.#changed(record);
    return record;
  }

  #open(
    folder: ScanFolder,
    course: ScanCourse,
    journal: Awaited<ReturnType<typeof openScanJournal>>,
  ): Promise<ScanRun> {
    const onChange = (record: ScanRecord): void => this.#changed(record);
    return ScanRun.open({ folder, course, journal, ports: this.#ports(), onChange });
  }

  #ports(): ScanPorts {
    const { stage, frames, focus, clock, settleMs = 0, searching = 1 } = this.#options;
    return {
      ...{ stage, frames, focus, clock, settleMs, searching },
      detect: (...field) => this.#options.detect(...field),
      onField: (field) => this.#options.onField?.(field),
    };
  }

  async #scan(id: string): Promise<OpenScan> {
    if (this.#live?.folder.id === id) return this.#live;
    return this.#scans.get(scanFolder(this.#options.paths, id));
  }

  /** A scan of which a field is done. @throws CytoError SCAN_NOT_FOUND, NOT_FOUND */
  async #scanWith(id: string, field: number): Promise<OpenScan> {
    const scan = await this.#scan(id);
    if (scan.course.fields[field] === undefined)
      throw new CytoError("NOT_FOUND", `field ${field} of scan ${id} is not done`);
    return scan;
  }

  /** The run of a scan; undefined where it is paused. @throws CytoError SCAN_NOT_FOUND, SCAN_ENDED */
  async #unended(id: string): Promise<ScanRun | undefined> {
    await this.#beginning?.catch(() => {});
    await this.#standing();
    if (this.#run?.id === id) return this.#run;
    const { state } = await this.show(id);
    if (state !== "paused" && state !== "running")
      throw new CytoError("SCAN_ENDED", `scan ${id} has ended: it is ${state}`);
    return undefined;
  }

  async #abortPaused(folder: ScanFolder, by: string): Promise<void> {
    const { course } = await this.#scans.get(folder);
    await using journal = await openScanJournal(folder);
    const { activeMs } = course;
    const atMs = this.#options.clock.now();
    const entry = { kind: "state", state: "aborted", atMs, activeMs, endedBy: `${by} aborted it` } as const;
    await journal.append(entry);
    course.apply(entry);
    this.#changed(course.record(false));
  }

  #calibration(): OpticsCalibration {
    const { calibration, objective } = this.#options;
    const newest = calibration();
    if (newest === undefined || newest.objective !== objective)
      throw new CytoError("CALIBRATION_MISSING", `there is no calibration of the objective ${objective}`);
    return newest;
  }

  #setupOf({ umPerPixel, fieldWidthPx, fieldHeightPx }: OpticsCalibration): ScanSetup {
    const { camera, stage, objective } = this.#options;
    return {
      camera: camera.name,
      stage: stage.name,
      objective,
      ...{ umPerPixel, fieldWidthPx, fieldHeightPx },
      simulated: camera.simulated || stage.simulated,
    };
  }

  #headerOf(request: ScanRequest, calibration: OpticsCalibration): ScanHeader {
    const plan = scanPlanSchema.safeParse(request.plan);
    const stop = stopRulesSchema.safeParse(request.stop);
    if (!plan.success) throw invalid(plan.error);
    if (!stop.success) throw invalid(stop.error);
    const { clock, counting, pictures = defaultPictures } = this.#options;
    const startedAtMs = clock.now();
    const { objective, umPerPixel, toSlide, rotationDegrees, mirrored } = calibration;
    const { residualPx, fieldWidthPx, fieldHeightPx, atMs } = calibration;
    const { slide, focus, by } = request;
    return {
      version: 1,
      id: newScanId(startedAtMs),
      ...{ slide, focus, by, startedAtMs },
      setup: this.#setupOf(calibration),
      plan: plan.data,
      stop: stop.data,
      calibration: {
        ...{ objective, umPerPixel, rotationDegrees, mirrored, residualPx, fieldWidthPx, fieldHeightPx, atMs },
        toSlide: [...toSlide],
      },
      counting: countingOptions(counting),
      pictures: { quality: pictures.quality, maxSidePx: pictures.maxSidePx },
    };
  }

  /** @throws CytoError SCAN_OTHER_SLIDE, CALIBRATION_MISSING */
  #checkSame(header: ScanHeader): void {
    const calibration = this.#calibration();
    checkSetup(header.setup, this.#setupOf(calibration));
    const turned = calibration.toSlide.some(
      (entry, at) => Math.abs(entry - header.calibration.toSlide[at]!) > sameMapping,
    );
    if (turned)
      throw new CytoError("SCAN_OTHER_SLIDE", "camera and stage are mounted otherwise than when the scan was begun");
  }

  /** All that must hold before anything moves. @throws CytoError STAGE_LIMIT, STAGE_UNREFERENCED, STAGE_UNSUPPORTED; the stage's fault */
  #checkMotion(course: ScanCourse): void {
    const { stage, limitsUm, focus } = this.#options;
    const { header } = course;
    const { failure, referenced, state } = stage.status;
    if (failure !== undefined) throw failure;
    if (state === "stopped") throw new CytoError("STAGE_STOPPED", "the stage was stopped, and not released since");
    if (!referenced) throw new CytoError("STAGE_UNREFERENCED", "the stage does not know where it is");
    if (header.focus !== "none" && (!stage.hasFocus || focus === undefined))
      throw new CytoError("STAGE_UNSUPPORTED", `the stage ${stage.name} has no focus; scan with focus "none"`);
    const { toStage } = slideMapping(header.calibration);
    const places = course.plan?.centresUm ?? outermostCentres(course.boundsUm, fieldSizeOf(header));
    checkReach(places, toStage, limitsUm);
  }
}

/** The scans of a laboratory, and the microscope that makes them. Moves nothing by itself: scans that were under way wait to be resumed. */
export const createScanDesk = (options: ScanDeskOptions): ScanDesk & AsyncDisposable => new LaboratoryScanDesk(options);
