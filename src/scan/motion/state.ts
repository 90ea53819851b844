import type { StagePositionUm } from "../../../drivers/index.js";
import type { CytoError } from "../../core/index.js";
import type { StageStatus } from "../ports.js";

/** What is known of the stage. A pure reducer: what it is told, in any order, never makes a lost stage one that may move. */
export interface MotionState {
  readonly link: "opening" | "open" | "reconnecting" | "failed";
  readonly work: "none" | "moving" | "homing";
  /** Stopped by a person or a program: nothing moves before it is released. */
  readonly latched: boolean;
  readonly referenced: boolean;
  readonly positionUm?: StagePositionUm | undefined;
  /** Why it is not open, or why its controller is in alarm. */
  readonly failure?: CytoError | undefined;
}

export type MotionEvent =
  | { readonly type: "opened"; readonly referenced: boolean; readonly positionUm?: StagePositionUm | undefined }
  /** It failed or was lost; it is tried again, or not. */
  | { readonly type: "lost"; readonly error: CytoError; readonly final: boolean }
  | { readonly type: "began"; readonly work: "moving" | "homing" }
  | {
      readonly type: "ended";
      readonly referenced: boolean;
      readonly positionUm?: StagePositionUm | undefined;
      readonly failure?: CytoError | undefined;
    }
  | { readonly type: "at"; readonly positionUm: StagePositionUm }
  | { readonly type: "declared"; readonly positionUm: StagePositionUm }
  | { readonly type: "stopped" }
  | { readonly type: "released" };

export const initialMotion: MotionState = { link: "opening", work: "none", latched: false, referenced: false };

export const reduceMotion = (state: MotionState, event: MotionEvent): MotionState => {
  switch (event.type) {
    case "opened": {
      // What comes back may have been moved by hand, or have lost its power: only its first opening is believed.
      const referenced = event.referenced && state.link === "opening";
      return { ...state, link: "open", work: "none", referenced, positionUm: event.positionUm, failure: undefined };
    }
    case "lost":
      return {
        link: event.final ? "failed" : "reconnecting",
        work: "none",
        latched: state.latched,
        referenced: false,
        failure: event.error,
      };
    case "began":
      return state.link === "open" && state.work === "none" ? { ...state, work: event.work } : state;
    case "ended":
      if (state.link !== "open") return state;
      return {
        ...state,
        work: "none",
        // Homing alone gives a reference back; a move may lose it.
        referenced: event.referenced && (state.referenced || state.work === "homing"),
        // Where it was before is not where it is.
        positionUm: event.positionUm,
        failure: event.failure?.code === "STAGE_ALARM" ? event.failure : undefined,
      };
    case "at":
      return state.link === "open" ? { ...state, positionUm: event.positionUm } : state;
    case "declared":
      return state.link === "open"
        ? { ...state, referenced: true, positionUm: event.positionUm, failure: undefined }
        : state;
    case "stopped":
      return { ...state, latched: true };
    case "released":
      return { ...state, latched: false };
  }
};

const stateOf = ({ link, work, latched, failure }: MotionState): StageStatus["state"] => {
  if (link !== "open") return link;
  if (latched) return "stopped";
  if (work !== "none") return work;
  return failure?.code === "STAGE_ALARM" ? "alarm" : "ready";
};

export const statusOf = (state: MotionState): StageStatus => {
  const { referenced, positionUm, failure } = state;
  return {
    state: stateOf(state),
    referenced,
    ...(positionUm === undefined ? {} : { positionUm }),
    ...(failure === undefined ? {} : { failure }),
  };
};
