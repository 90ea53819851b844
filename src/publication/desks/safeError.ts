import { CytoError, type ErrorCode, errorTable } from "../../core/index.js";

/** Codes whose messages are written for whoever asked: they name what to mend, and nothing of this machine. */
const toldInFull: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "REQUEST_INVALID",
  "LABEL_INVALID",
  "LABEL_FIELD_UNKNOWN",
  "LABEL_PICTURE_UNKNOWN",
  "LABEL_CONFLICT",
  "JOB_NOT_FOUND",
  "JOB_RUNNING",
  "JOB_NO_LABELS",
  "JOB_ENDED",
  "MODEL_SELF_TEST_FAILED",
  "ROLLBACK_IMPOSSIBLE",
  "VALIDATION_EMPTY",
  "STAGE_SILENT",
  "STAGE_DISCONNECTED",
  "STAGE_ALARM",
  "STAGE_REFUSED",
  "STAGE_LIMIT",
  "STAGE_BUSY",
  "STAGE_STOPPED",
  "STAGE_UNREFERENCED",
  "STAGE_UNSUPPORTED",
  "CALIBRATION_FAILED",
  "CALIBRATION_MISSING",
  "OBJECTIVE_CHANGED",
  "FOCUS_FAILED",
  "SCAN_NOT_FOUND",
  "SCAN_RUNNING",
  "SCAN_ENDED",
  "SCAN_PLAN_INVALID",
  "SCAN_OTHER_SLIDE",
  "SCAN_NO_MONOLAYER",
  "NOT_READY",
  "NOT_FOUND",
]);

const maxLength = 300;
const namesPath = /(?:^|[\s"'`(])(?:[A-Za-z]:)?[\\/]\S/;

export interface SafeError {
  readonly code: ErrorCode;
  readonly message: string;
}

/** What a client is told of an error: its code, and a sentence that tells nothing of the inside. */
export const safeError = (error: unknown): SafeError => {
  const { code, message } = CytoError.from(error);
  const told = toldInFull.has(code) && message.length <= maxLength && !namesPath.test(message);
  return { code, message: told ? message : errorTable[code].title };
};
