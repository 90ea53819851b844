import type { ErrorCode } from "../../../core/index.js";
import type { MicroscopeStatus, ScanRecord, StopRules } from "../../../scan/index.js";
import type { Taxonomy } from "../view.js";

export const scanStateTexts: Readonly<Record<ScanRecord["state"], string>> = {
  running: "Running",
  paused: "Paused",
  complete: "Complete",
  aborted: "Aborted",
  failed: "Failed",
};

export const stageStateTexts: Readonly<Record<NonNullable<MicroscopeStatus["stage"]>["state"], string>> = {
  opening: "Is being opened",
  ready: "Stands still",
  moving: "Moves",
  homing: "Looks for its origin",
  stopped: "Stopped: nothing moves before it is released",
  alarm: "In alarm: clear the way, then home it",
  reconnecting: "Lost; is being opened again",
  failed: "Failed",
};

export const ruleTexts: Readonly<Record<keyof StopRules, string>> = {
  leukocytes: "leukocytes",
  fields: "fields",
  areaMm2: "mm²",
  minutes: "minutes",
  limits: "% to either side, widest class",
};

/** What people call a class. */
export const labelOf = (taxonomy: Taxonomy, cellClass: string): string => taxonomy.get(cellClass)?.label ?? cellClass;

/** "1 Neutrophil, 23 Red cells", in the order of the taxonomy. */
export const countsText = (taxonomy: Taxonomy, cells: Readonly<Record<string, number | undefined>>): string => {
  const order = [...taxonomy.keys()];
  const found = Object.entries(cells).sort(([a], [b]) => order.indexOf(a) - order.indexOf(b));
  const parts = found.map(([name, count = 0]) => `${count} ${labelOf(taxonomy, name)}${count === 1 ? "" : "s"}`);
  return parts.join(", ") || "no cells";
};

/** What to do about a refusal, on this page. */
const advice: Partial<Record<ErrorCode | "UNREACHABLE", string>> = {
  REQUEST_INVALID: "Mend the value that is named.",
  SCAN_PLAN_INVALID: "Choose a smaller rectangle or less overlap.",
  SCAN_RUNNING: "Wait for the scan under way, or abort it.",
  SCAN_NO_MONOLAYER: "Choose a rectangle nearer to the feathered edge.",
  SCAN_OTHER_SLIDE: "Put back what the scan was begun with, or begin another one.",
  STAGE_LIMIT: "A part of it lies beyond the travel that the stage is allowed: choose a place nearer by.",
  STAGE_UNREFERENCED: "Home the stage, or say where it stands.",
  STAGE_STOPPED: "Release the stage when the way is clear.",
  STAGE_BUSY: "Wait until it stands, or stop it.",
  STAGE_ALARM: "Clear the way, then home the stage.",
  STAGE_UNSUPPORTED: "A stage without focus scans with the focus left as it is.",
  CALIBRATION_MISSING: "Bring cells into focus, then calibrate the optics.",
  CALIBRATION_FAILED: "Move to a place with many cells in focus, and try again.",
  OBJECTIVE_CHANGED: "Put the objective back, or calibrate the optics again.",
  FOCUS_FAILED: "Bring cells near focus by hand, and try again.",
  STORE_FULL: "Make room on the disk of the daemon.",
};

export const adviceOf = (code: string): string | undefined => advice[code as ErrorCode];
