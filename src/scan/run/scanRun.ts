import { setImmediate as nextTurn } from "node:timers/promises";
import { CytoError, type ErrorCode } from "../../core/index.js";
import type { PointUm } from "../../counting/index.js";
import type { RedCellScale } from "../../detection/index.js";
import { encodeJpeg } from "../../pictures/index.js";
import { type Journal, writeFileDurably } from "../../store/index.js";
import type { Jpeg, ScanRecord, ScanState } from "../desk.js";
import { ScaleWatch } from "../optics/index.js";
import { redCellLayer } from "../plan/index.js";
import {
  type FieldEntry,
  packCells,
  readCoarsePicture,
  readPicture,
  type ScanCourse,
  type ScanEntry,
  type ScanFolder,
  type StateEntry,
  writeSummary,
} from "../record/index.js";
import { Look, type TakenFrame } from "./look.js";
import { runPipeline } from "./pipeline.js";
import { type CountedScanField, fieldsWaiting, type ScanPorts } from "./ports.js";
import { checkSlide, isTelling } from "./slideCheck.js";

export interface ScanRunOptions {
  readonly folder: ScanFolder;
  readonly course: ScanCourse;
  /** Open; the run closes it. */
  readonly journal: Journal<ScanEntry>;
  readonly ports: ScanPorts;
  readonly onChange: (record: ScanRecord) => void;
}

interface SearchedField extends TakenFrame {
  readonly index: number;
  readonly sharpness: number;
  readonly picture: Jpeg;
  readonly detection: CountedScanField["detection"];
  readonly redCells: RedCellScale | undefined;
}

/** Faults of the detector that another try may be spared. */
const worthAnotherTry: readonly ErrorCode[] = ["DETECTION_FAILED", "DETECTOR_CRASHED"];
const mostTries = 3;
/** Fields back from the last one that are looked through for a picture by which a slide can be told. */
const picturesLookedAt = 25;
/** Fields that wait at most for the ones after them to tell whether they were seen through the calibrated objective. */
const mostHeld = 8;

const plainPlace = ({ x, y, z }: TakenFrame["stageUm"]) => ({ x, y, ...(z === undefined ? {} : { z }) });

const hasCode = (error: unknown, codes: readonly ErrorCode[]): boolean =>
  error instanceof CytoError && codes.includes(error.code);

/** A scan under way, from its start or its going on to the moment at which it stands still. */
export class ScanRun {
  readonly course: ScanCourse;
  readonly folder: ScanFolder;
  readonly #options: ScanRunOptions;
  readonly #look: Look;
  readonly #watch: ScaleWatch;
  /** Searched, in order, and not counted: their scale is in doubt. */
  #held: SearchedField[] = [];
  /** Halts everything at once. */
  readonly #abort = new AbortController();
  /** Lets the fields under way come to their end. */
  readonly #halt = new AbortController();
  readonly #startedMs: number;
  readonly #activeBeforeMs: number;
  #abortedBy: string | undefined;
  #ended: Promise<void> = Promise.resolve();

  private constructor(options: ScanRunOptions) {
    this.#options = options;
    this.course = options.course;
    this.folder = options.folder;
    this.#look = new Look(options.ports, options.course.header);
    this.#watch = new ScaleWatch(options.course.header.calibration);
    this.#startedMs = options.ports.clock.monotonic();
    this.#activeBeforeMs = options.course.activeMs;
  }

  /** Begins, or goes on where the journal ends. @throws CytoError STORE_FULL, STORE_FAILED; then nothing was moved */
  static async open(options: ScanRunOptions): Promise<ScanRun> {
    const run = new ScanRun(options);
    try {
      await run.#append(run.#stateEntry("running"));
    } catch (error) {
      await options.journal[Symbol.asyncDispose]();
      throw error;
    }
    run.#ended = run.#run();
    return run;
  }

  get id(): string {
    return this.folder.id;
  }

  /** Resolves when the scan stands still and its journal is closed; never rejects. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /** Takes no further field; those that are taken are counted. */
  async pause(): Promise<void> {
    this.#halt.abort();
    await this.#ended;
  }

  /** For good. */
  async abort(by: string): Promise<void> {
    this.#abortedBy = by;
    await this.close();
  }

  /** At once: fields under way are given up, to be taken again when the scan goes on. */
  async close(): Promise<void> {
    this.#halt.abort();
    this.#abort.abort();
    await this.#ended;
  }

  get #activeMs(): number {
    return this.#activeBeforeMs + Math.round(this.#options.ports.clock.monotonic() - this.#startedMs);
  }

  get #stamp(): { atMs: number; activeMs: number } {
    return { atMs: this.#options.ports.clock.now(), activeMs: this.#activeMs };
  }

  #stateEntry(state: ScanState, more: Pick<StateEntry, "endedBy" | "failure"> = {}): StateEntry {
    return { kind: "state", state, ...this.#stamp, ...more };
  }

  /** On the disk first, then in the count: what is counted is never lost. */
  async #append(entry: ScanEntry) {
    await this.#options.journal.append(entry);
    return this.course.apply(entry);
  }

  async #run(): Promise<void> {
    await this.#settle(await this.#outcome());
    // Closing loses nothing: every line was synced.
    await Promise.resolve(this.#options.journal[Symbol.asyncDispose]()).catch(() => {});
    await writeSummary(this.folder, this.course.record(false));
  }

  async #outcome(): Promise<StateEntry> {
    try {
      if (await this.#scan()) {
        const endedBy = this.course.verdict().endedBy ?? "every planned field is counted";
        return this.#stateEntry("complete", { endedBy });
      }
      return this.#abortedBy === undefined ? this.#stateEntry("paused") : this.#aborted(this.#abortedBy);
    } catch (error) {
      if (this.#abortedBy !== undefined) return this.#aborted(this.#abortedBy);
      if (this.#abort.signal.aborted) return this.#stateEntry("paused");
      const { code, message } = CytoError.from(error);
      return this.#stateEntry(code === "SCAN_NO_MONOLAYER" ? "failed" : "paused", { failure: { code, message } });
    }
  }

  #aborted(by: string): StateEntry {
    return this.#stateEntry("aborted", { endedBy: `${by} aborted it` });
  }

  /** Where the end cannot be written down, the scan has not ended: it is paused by that. */
  async #settle(entry: StateEntry): Promise<void> {
    try {
      await this.#append(entry);
    } catch (error) {
      const { code, message } = CytoError.from(error);
      this.course.apply({ ...entry, state: "paused", endedBy: undefined, failure: entry.failure ?? { code, message } });
    }
  }

  /** @returns whether it is whole: every field is there, or a stop rule holds */
  async #scan(): Promise<boolean> {
    const isWhole = (): boolean => this.course.allDone || this.course.verdict().endedBy !== undefined;
    if (isWhole()) return true;
    await this.#checkSlide();
    await this.#coarsePass();
    if (this.course.plan === undefined) return false;
    await this.#prepareFocus();
    await this.#fields();
    return isWhole();
  }

  /** The last field that shows enough to tell slides apart is looked at again before any other. */
  async #checkSlide(): Promise<void> {
    const { fields, coarseLooks, header } = this.course;
    // Before the first field is done the coarse pass tells.
    const isCoarse = fields.length === 0;
    for (const { index, stageUm } of (isCoarse ? coarseLooks : fields).slice(-picturesLookedAt).reverse()) {
      const kept = await (isCoarse ? readCoarsePicture : readPicture)(this.folder, index);
      if (!(await isTelling(kept))) continue;
      const frame = await this.#look.again(stageUm, this.#abort.signal);
      const { pictures, setup, counting } = header;
      const toleranceUm = 2 * counting.stageErrorUm;
      await checkSlide({ kept, frame, pictures, umPerPixel: setup.umPerPixel, toleranceUm });
      return;
    }
  }

  /** Ends without a plan where it is to pause. */
  async #coarsePass(): Promise<void> {
    const left = this.course.coarseLeft;
    if (left === undefined) return;
    const commit = async (found: SearchedField): Promise<boolean> => {
      const { index, frame, stageUm, detection, redCells, picture } = found;
      this.#abort.signal.throwIfAborted();
      if (redCells !== undefined) this.#watch.observe(redCells);
      const { width: widthPx, height: heightPx } = frame;
      const layer = redCellLayer(detection.cells, { widthPx, heightPx, umPerPixel: detection.scale.umPerPixel });
      await writeFileDurably(this.folder.coarsePicture(index), picture);
      await this.#append({ kind: "coarse", index, ...this.#stamp, stageUm: plainPlace(stageUm), layer });
      this.#options.onChange(this.course.record(true));
      return true;
    };
    if ((await this.#flow(left.centresUm, left.from, commit)) === "done") this.course.endCoarsePass();
  }

  async #prepareFocus(): Promise<void> {
    const { focus } = this.course.header;
    if (focus === "none") return;
    const signal = AbortSignal.any([this.#abort.signal, this.#halt.signal]);
    try {
      await this.#options.ports.focus?.prepare(focus, this.course.plan!.centresUm, signal);
    } catch (error) {
      // Asked to pause while the focus was looked for: no fault, and no field is taken after it.
      if (!this.#halt.signal.aborted || this.#abort.signal.aborted) throw error;
    }
  }

  /** All fields that are left; a field on which the detector fails is taken again a few times. */
  async #fields(): Promise<void> {
    for (let tries = 1, done = this.course.fields.length; ; tries++) {
      try {
        this.#held = [];
        const { plan, fields } = this.course;
        await this.#flow(plan!.centresUm, fields.length, (found) => this.#commit(found));
        return;
      } catch (error) {
        const { length } = this.course.fields;
        if (length > done) tries = 1;
        done = length;
        if (this.#abort.signal.aborted || tries >= mostTries || !hasCode(error, worthAnotherTry)) throw error;
      }
    }
  }

  #flow(centresUm: readonly PointUm[], from: number, commit: (found: SearchedField) => Promise<boolean>) {
    const { signal } = this.#abort;
    return runPipeline(
      {
        take: async (index) => {
          signal.throwIfAborted();
          return { index, ...(await this.#look.at(centresUm[index]!, signal)) };
        },
        search: (taken: TakenFrame & { index: number }) => this.#search(taken),
        commit,
      },
      {
        from,
        to: centresUm.length,
        underWay: this.#options.ports.searching + fieldsWaiting,
        isHalted: () => this.#halt.signal.aborted,
      },
    );
  }

  async #search(taken: TakenFrame & { index: number }): Promise<SearchedField> {
    // The stage sets out for the next field first.
    await nextTurn();
    const { quality, maxSidePx: maxSide } = this.course.header.pictures;
    // Before the detector: it takes the pixels.
    const sharpness = this.#look.sharpnessOf(taken.frame);
    const picture = await encodeJpeg(taken.frame, { quality, maxSide });
    const asked = { redCells: this.#watch.ask() };
    const { ports } = this.#options;
    const { pixels, redCells, ...detection } = await ports.detect(taken.frame, this.#abort.signal, asked);
    const frame = pixels === undefined ? taken.frame : { ...taken.frame, pixels };
    return { ...taken, frame, sharpness, picture, detection, redCells };
  }

  /** Counts a field, and those that waited for it; or lets it wait. @throws CytoError OBJECTIVE_CHANGED, and none of them is counted */
  async #commit(found: SearchedField): Promise<boolean> {
    if (found.redCells !== undefined) this.#watch.observe(found.redCells);
    this.#held.push(found);
    const isLast = found.index + 1 === this.course.plan!.centresUm.length;
    if (this.#watch.inDoubt && this.#held.length < mostHeld && !isLast) return true;
    for (const field of this.#held.splice(0)) if (!(await this.#count(field))) return false;
    return true;
  }

  async #count(found: SearchedField): Promise<boolean> {
    const { index, frame, detection, picture } = found;
    this.#abort.signal.throwIfAborted();
    await writeFileDurably(this.folder.picture(index), picture);
    const outcome = (await this.#append(this.#fieldEntry(found)))!;
    const scan = this.course.record(true);
    const field = this.course.fieldOf(index);
    this.#options.ports.onField?.({ scan, field, frame, detection, outcome, counts: scan.counts!, picture });
    this.#options.onChange(scan);
    return !scan.progress.some(({ met }) => met);
  }

  #fieldEntry({ index, frame, stageUm, sharpness, refocused, detection }: SearchedField): FieldEntry {
    const { detector, classifier } = detection.models;
    const { x, y } = frame.stagePositionUm!;
    return {
      kind: "field",
      index,
      ...this.#stamp,
      capturedAtMs: frame.capturedAtMs,
      stageUm: plainPlace(stageUm),
      positionUm: { x, y },
      widthPx: frame.width,
      heightPx: frame.height,
      umPerPixel: detection.scale.umPerPixel,
      scaleOrigin: detection.scale.origin,
      simulated: frame.simulated,
      source: frame.source,
      models: classifier === undefined ? [detector] : [detector, classifier],
      sharpness,
      refocused,
      cells: packCells(detection.cells),
    };
  }
}
