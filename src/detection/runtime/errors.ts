import { CytoError, type ErrorCode } from "../../core/index.js";

/** A CytoError as it crosses a thread's border. */
export interface PlainError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy: string;
}

export const toPlainError = (error: unknown, code: ErrorCode): PlainError => {
  const known = CytoError.from(error, code);
  return { code: known.code, message: known.message, remedy: known.remedy };
};

export const fromPlainError = ({ code, message, remedy }: PlainError): CytoError =>
  new CytoError(code, message, { remedy });
