import type { GoldenFields } from "../golden.js";
import type { DetectorModels, NetworkModel } from "../model.js";
import type { ExecutionProvider } from "../providers/provider.js";
import type { PlainError } from "./errors.js";
import type { ScaleRequest, SearchResult } from "./fieldSearcher.js";

/** A field for a worker; the pixels are transferred. */
export interface SearchCall {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array<ArrayBuffer>;
  readonly scale: ScaleRequest;
  readonly density: boolean;
  readonly searchScale: boolean;
  readonly returnPixels: boolean;
}

export interface WorkerData {
  /** An Int32 that is set to 1 when the thread shall leave the field it is at. */
  readonly stop: SharedArrayBuffer;
}

/**
 * What a worker is asked. `open` loads models beside those that serve and tries them on golden fields, `exchange` lets them serve from the next field on,
 * `discard` drops them. `try` opens one model and lets it go. Answered in order, each by one reply of the same id.
 */
export type WorkerCall = { readonly id: number } & (
  | {
      readonly type: "open";
      readonly models: DetectorModels;
      readonly provider: ExecutionProvider;
      readonly threads: number;
      readonly golden?: GoldenFields;
    }
  | {
      readonly type: "try";
      readonly model: NetworkModel;
      readonly provider: ExecutionProvider;
      readonly threads: number;
    }
  | { readonly type: "exchange" }
  | { readonly type: "discard" }
  | { readonly type: "search"; readonly call: SearchCall }
  | { readonly type: "close" }
);

/** A result and the models that made it. */
export interface WorkerResult extends SearchResult {
  readonly models: DetectorModels;
  readonly pixels?: Uint8Array<ArrayBuffer>;
}

export type WorkerReply = { readonly id: number } & (
  | { readonly type: "done" }
  | { readonly type: "found"; readonly result: WorkerResult }
  | { readonly type: "failed"; readonly error: PlainError }
);
