import type { CellClass, ErrorCode } from "../core/index.js";
import type { Counts, RectUm } from "../counting/index.js";
import type { ScanPlan } from "./plan/index.js";
import type { DifferentialLimits, StopProgress, StopRules } from "./stopping/index.js";

/** A position on the slide, um: x rises to the right of the picture, y downwards (docs/microscopes.md). `z` is the stage's focus. */
export interface SlidePositionUm {
  readonly x: number;
  readonly y: number;
  readonly z?: number | undefined;
}

/** How fields are brought into focus: not at all, each for itself, or by a map made before the scan. */
export const focusModes = ["none", "map", "each"] as const;
export type FocusMode = (typeof focusModes)[number];

export interface ScanRequest {
  /** What the laboratory calls the slide; no patient identifiers. */
  readonly slide: string;
  readonly plan: ScanPlan;
  readonly stop: StopRules;
  readonly focus: FocusMode;
  /** Who asked. */
  readonly by: string;
}

export const scanStates = ["running", "paused", "complete", "aborted", "failed"] as const;
/**
 * `paused`: as asked, by a fault that a person must mend (`failure` says which), or because the daemon ended; it can go on.
 * `complete`: every planned field is there, or a stop rule holds. `failed`: it can never go on.
 */
export type ScanState = (typeof scanStates)[number];

/** What a scan belongs to: it goes on only where all of it is the same. */
export interface ScanSetup {
  readonly camera: string;
  readonly stage: string;
  readonly objective: string;
  readonly umPerPixel: number;
  readonly fieldWidthPx: number;
  readonly fieldHeightPx: number;
  /** True where camera or stage are simulated. */
  readonly simulated: boolean;
}

export interface ScanRecord {
  readonly id: string;
  readonly slide: string;
  readonly state: ScanState;
  readonly setup: ScanSetup;
  readonly plan: ScanPlan;
  readonly stop: StopRules;
  readonly focus: FocusMode;
  readonly by: string;
  readonly startedAtMs: number;
  readonly endedAtMs?: number;
  /** 0 where a coarse pass has yet to tell. */
  readonly fieldsPlanned: number;
  /** Fields whose cells are counted and on the disk. */
  readonly fieldsDone: number;
  /** Bounds of all planned fields, slide coordinates. */
  readonly boundsUm: RectUm;
  /** How far each rule is; the one that ended the scan is `met`. */
  readonly progress: readonly StopProgress[];
  /** Limits of the five-part differential that hold at every look together, where the rule `limits` was given. */
  readonly limits?: DifferentialLimits;
  /** A sentence: which rule ended it, or who did. */
  readonly endedBy?: string;
  readonly failure?: { readonly code: ErrorCode; readonly message: string };
  /** Absent before the first field. */
  readonly counts?: Counts;
}

/** A field of a scan that is done. */
export interface ScanField {
  /** Its number in the plan, from 0. */
  readonly index: number;
  readonly centreUm: SlidePositionUm;
  readonly capturedAtMs: number;
  /** Focus measure of the picture (`FrameQuality.focus`), for the map. */
  readonly sharpness: number;
  /** Cells found in it, by class. */
  readonly cells: Readonly<Partial<Record<CellClass, number>>>;
  /** Refocused at this field. */
  readonly refocused: boolean;
}

/** A cell as it was found in a field, px of the field's full frame. */
export interface FoundCell {
  readonly cellClass: CellClass;
  readonly confidence: number;
  readonly centrePx: { readonly x: number; readonly y: number };
  readonly boxPx: { readonly left: number; readonly top: number; readonly right: number; readonly bottom: number };
}

/** All that was found in a field, for drawing over its picture, whose kept form may be smaller. */
export interface ScanFieldCells {
  readonly field: ScanField;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly umPerPixel: number;
  /** The surest first. A cell that several fields show is in each of them. */
  readonly cells: readonly FoundCell[];
}

/** A counted cell of a scan, for the gallery. */
export interface ScanCell {
  readonly id: number;
  readonly cellClass: CellClass;
  readonly confidence: number;
  /** The field that shows it best, and its box there, px of the field's kept picture's full frame. */
  readonly field: number;
  readonly boxPx: { readonly left: number; readonly top: number; readonly width: number; readonly height: number };
  readonly boxUm: RectUm;
}

/** A kept picture of a field, or a tile of the slide's map: a JPEG. */
export type Jpeg = Uint8Array;

/** Tiles of the slide's map are squares of this side, px; level 0 is the finest, each further one half as fine. */
export const mapTilePx = 256;

export interface SlideMap {
  readonly boundsUm: RectUm;
  /** Of level 0. */
  readonly umPerPixel: number;
  readonly levels: number;
  /** Grows with each field: part of a tile's address, so that none is shown from a cache that is old. */
  readonly version: number;
}

export type StageAction =
  | { readonly action: "home" }
  | { readonly action: "declare"; readonly positionUm: SlidePositionUm }
  | {
      readonly action: "move";
      readonly to: { readonly [Axis in keyof SlidePositionUm]?: number | undefined };
      readonly relative: boolean;
    }
  /** Halts everything at once; nothing moves before `release`. */
  | { readonly action: "stop" }
  | { readonly action: "release" };

/** The microscope as it is now. */
export interface MicroscopeStatus {
  readonly stage: {
    readonly name: string;
    readonly state: StageState;
    readonly referenced: boolean;
    readonly positionUm?: SlidePositionUm;
    readonly failure?: { readonly code: ErrorCode; readonly message: string };
  } | null;
  readonly objective: string;
  readonly calibration: { readonly umPerPixel: number; readonly rotationDegrees: number; readonly atMs: number } | null;
  /** What is being done with it beside a scan. */
  readonly busy: "calibrating" | "focusing" | "moving" | null;
}

export const stageStates = [
  "opening",
  "ready",
  "moving",
  "homing",
  "stopped",
  "alarm",
  "reconnecting",
  "failed",
] as const;
export type StageState = (typeof stageStates)[number];

export interface CalibrationReport {
  readonly umPerPixel: number;
  readonly rotationDegrees: number;
  readonly mirrored: boolean;
  /** Root mean square of what is left of the shifts, px. */
  readonly residualPx: number;
  readonly steps: number;
}

export interface FocusReport {
  readonly zUm: number;
  readonly sharpness: number;
  readonly frames: number;
}

/** Scans of slides, and the microscope that makes them. Absent where no stage is configured. */
export interface ScanDesk {
  /** @throws CytoError SCAN_RUNNING, SCAN_PLAN_INVALID, STAGE_UNREFERENCED, STAGE_LIMIT, CALIBRATION_MISSING; the stage's fault */
  start(request: ScanRequest): Promise<ScanRecord>;
  /** @throws CytoError SCAN_NOT_FOUND, SCAN_ENDED */
  pause(id: string): Promise<ScanRecord>;
  /** Goes on at the field where it was. @throws CytoError SCAN_NOT_FOUND, SCAN_ENDED, SCAN_RUNNING, SCAN_OTHER_SLIDE, those of `start` */
  resume(id: string): Promise<ScanRecord>;
  /** @throws CytoError SCAN_NOT_FOUND, SCAN_ENDED */
  abort(id: string, by: string): Promise<ScanRecord>;
  /** Newest first. */
  list(): Promise<readonly ScanRecord[]>;
  /** @throws CytoError SCAN_NOT_FOUND */
  show(id: string): Promise<ScanRecord>;
  /** In the order of the plan, from a number on, `limit` at most; all of them unless given. @throws CytoError SCAN_NOT_FOUND */
  fields(id: string, range?: { readonly from?: number; readonly limit?: number }): Promise<readonly ScanField[]>;
  /** @throws CytoError SCAN_NOT_FOUND, NOT_FOUND for a field that is not done */
  fieldCells(id: string, field: number): Promise<ScanFieldCells>;
  /** @throws CytoError SCAN_NOT_FOUND, NOT_FOUND for a field that is not done */
  fieldPicture(id: string, field: number): Promise<Jpeg>;
  /** Counted cells of a class (its children among them), the surest first. @throws CytoError SCAN_NOT_FOUND */
  cells(id: string, query: { readonly cellClass: CellClass; readonly limit: number }): Promise<readonly ScanCell[]>;
  /** A square cut-out around a cell. @throws CytoError SCAN_NOT_FOUND, NOT_FOUND */
  cellPicture(id: string, cell: number): Promise<Jpeg>;
  /** @throws CytoError SCAN_NOT_FOUND */
  map(id: string): Promise<SlideMap>;
  /** Undefined where nothing was seen. @throws CytoError SCAN_NOT_FOUND */
  mapTile(
    id: string,
    tile: { readonly level: number; readonly column: number; readonly row: number },
  ): Promise<Jpeg | undefined>;
  status(): MicroscopeStatus;
  /** @throws CytoError SCAN_RUNNING (but for `stop` and `release`), and the stage's codes */
  stage(action: StageAction, by: string): Promise<MicroscopeStatus>;
  /** @throws CytoError SCAN_RUNNING, CALIBRATION_FAILED, and the stage's codes */
  calibrate(what: "optics" | "light", by: string): Promise<CalibrationReport | { readonly evenness: number }>;
  /** @throws CytoError SCAN_RUNNING, FOCUS_FAILED, and the stage's codes */
  focus(by: string): Promise<FocusReport>;
  /** A scan's record changed, or (undefined) the microscope's status did. */
  onChange(listener: (scan: ScanRecord | undefined) => void): () => void;
}
