import type { ErrorCode } from "../../core/index.js";
import type { ParameterState, StepRequest } from "../contract.js";

export type StepCall = { readonly id: number } & (
  | { readonly kind: "open" }
  | { readonly kind: "step"; readonly request: StepRequest }
  | { readonly kind: "read" }
  | { readonly kind: "write"; readonly states: Readonly<Record<string, ParameterState>> }
  | { readonly kind: "close" }
);

export interface StepReply {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: {
    readonly code: ErrorCode;
    readonly message: string;
    readonly context: Readonly<Record<string, unknown>>;
    readonly remedy: string;
  };
}
