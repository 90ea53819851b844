import { type ErrorCode, errorTable } from "./errorTable.js";

export interface CytoErrorOptions {
  readonly cause?: unknown;
  /** Facts for the log, never patient identifiers. */
  readonly context?: Readonly<Record<string, unknown>>;
  /** What to do about it, where it can be said better than the table's remedy. */
  readonly remedy?: string;
}

/** The one error class. Branch on `code`, never on `message`. */
export class CytoError extends Error {
  override readonly name = "CytoError";
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly context: Readonly<Record<string, unknown>>;
  readonly remedy: string;

  constructor(code: ErrorCode, message: string, options: CytoErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = errorTable[code].retryable;
    this.context = options.context ?? {};
    this.remedy = options.remedy ?? errorTable[code].remedy;
  }

  get exitCode(): number {
    return errorTable[this.code].exitCode;
  }

  /** An error as a CytoError: itself if it is one, otherwise wrapped under `code`. */
  static from(error: unknown, code: ErrorCode = "INTERNAL"): CytoError {
    if (error instanceof CytoError) return error;
    const message = error instanceof Error ? error.message : String(error);
    return new CytoError(code, message, { cause: error });
  }
}
