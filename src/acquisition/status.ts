import type { ErrorCode } from "../core/index.js";

/**
 * `opening`: before the first frame; `streaming`; `stale`: open, but nothing comes; `reconnecting`: it failed, and is being
 * opened again or waits for that; `ended`: the source has no more frames; `failed`: trying again cannot mend it.
 */
export type CameraState = "opening" | "streaming" | "stale" | "reconnecting" | "ended" | "failed";

export interface CameraStatus {
  readonly state: CameraState;
  /** True while no frame has come for too long, whatever the state: results are old and to be marked so. */
  readonly stale: boolean;
  /** Code of the last failure; gone when frames come again. */
  readonly cause?: ErrorCode;
  /** Its message, for people. */
  readonly message?: string;
  /** Openings that were tried in a row since frames last came, the first one not counted. */
  readonly attempt: number;
  /** Wait before the next opening, while `reconnecting`. */
  readonly retryInMs?: number;
  /** Since when the state has been this, ms since the epoch. */
  readonly sinceMs: number;
}

export type CameraEvent =
  | { readonly type: "frame" }
  | { readonly type: "stale" }
  | { readonly type: "retry"; readonly code: ErrorCode; readonly message: string; readonly delayMs: number }
  | { readonly type: "ended" }
  | { readonly type: "failed"; readonly code: ErrorCode; readonly message: string };

export const initialStatus = (nowMs: number): CameraStatus => ({
  state: "opening",
  stale: false,
  attempt: 0,
  sinceMs: nowMs,
});

const since = (status: CameraStatus, state: CameraState, nowMs: number): number =>
  status.state === state ? status.sinceMs : nowMs;

/** The status after an event. Returns the same object where nothing has changed. `ended` and `failed` are final. */
export function reduceStatus(status: CameraStatus, event: CameraEvent, nowMs: number): CameraStatus {
  if (status.state === "ended" || status.state === "failed") return status;
  switch (event.type) {
    case "frame":
      if (status.state === "streaming" && !status.stale) return status;
      return { state: "streaming", stale: false, attempt: 0, sinceMs: since(status, "streaming", nowMs) };
    case "stale": {
      if (status.stale) return status;
      const state = status.state === "streaming" ? "stale" : status.state;
      return { ...status, state, stale: true, sinceMs: since(status, state, nowMs) };
    }
    case "retry":
      return {
        state: "reconnecting",
        stale: status.stale,
        cause: event.code,
        message: event.message,
        attempt: status.attempt + 1,
        retryInMs: event.delayMs,
        sinceMs: since(status, "reconnecting", nowMs),
      };
    case "ended":
      return { state: "ended", stale: false, attempt: 0, sinceMs: nowMs };
    case "failed":
      return {
        state: "failed",
        stale: true,
        cause: event.code,
        message: event.message,
        attempt: status.attempt,
        sinceMs: nowMs,
      };
  }
}
