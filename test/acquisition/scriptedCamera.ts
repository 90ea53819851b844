import { z } from "zod";
import type { Camera, CameraDriver, CameraFrame, CameraPace } from "../../drivers/contract.js";
import { CytoError } from "../../src/core/index.js";

/** What a camera does next. Waiting ends early when the camera is closed, but for `hang`, which heeds nothing. */
export type Step =
  | { readonly do: "frame"; readonly frame?: Partial<CameraFrame> }
  | { readonly do: "fault" }
  | { readonly do: "fail"; readonly error: CytoError | Error }
  | { readonly do: "hang" }
  | { readonly do: "wait" }
  | { readonly do: "end" };

/** What an opening does: refuse, never answer, or open and go through steps; after the last, the source ends. */
export type Opening = { readonly refuse: CytoError | Error } | { readonly hang: true } | readonly Step[];

export interface Script {
  readonly openings: readonly Opening[];
  readonly pace?: CameraPace;
  readonly frameIntervalMs?: number;
  readonly hangOnClose?: boolean;
}

export interface ScriptedCamera {
  readonly driver: CameraDriver;
  readonly opened: number;
  readonly closed: number;
  /** Most cameras open at the same time. */
  readonly mostOpen: number;
  readonly framesGiven: number;
}

export const frames = (count: number): Step[] => Array.from({ length: count }, () => ({ do: "frame" as const }));

export const disconnected = (): CytoError => new CytoError("CAMERA_DISCONNECTED", "the cable is out");

const never = new Promise<never>(() => {});

const picture = (): CameraFrame => ({
  capturedAtMs: Date.now(),
  width: 4,
  height: 2,
  pixels: new Uint8Array(24),
  source: "script",
  simulated: true,
});

/** A camera that follows a script, opening by opening; the last opening is repeated. It implements the real contract. */
export function scriptedCamera(script: Script): ScriptedCamera {
  const state = { opened: 0, closed: 0, open: 0, mostOpen: 0, framesGiven: 0 };
  const driver: CameraDriver = {
    manifest: {
      name: "scripted",
      title: "Scripted",
      description: "Follows a script.",
      simulated: true,
      sourceSyntax: "anything",
      options: z.unknown(),
    },
    async open({ signal, onFault }) {
      const opening = script.openings[Math.min(state.opened, script.openings.length - 1)]!;
      state.opened++;
      if ("refuse" in opening) throw opening.refuse;
      if ("hang" in opening) return never;
      state.open++;
      state.mostOpen = Math.max(state.mostOpen, state.open);
      return cameraOf(opening, { script, signal, onFault, state });
    },
  };
  return {
    driver,
    get opened() {
      return state.opened;
    },
    get closed() {
      return state.closed;
    },
    get mostOpen() {
      return state.mostOpen;
    },
    get framesGiven() {
      return state.framesGiven;
    },
  };
}

interface Context {
  readonly script: Script;
  readonly signal: AbortSignal;
  readonly onFault: ((fault: CytoError) => void) | undefined;
  readonly state: { closed: number; open: number; framesGiven: number };
}

function cameraOf(steps: readonly Step[], { script, signal, onFault, state }: Context): Camera {
  const closing = new AbortController();
  const either = AbortSignal.any([signal, closing.signal]);
  const aborted = new Promise<void>((resolve) => {
    if (either.aborted) resolve();
    either.addEventListener("abort", () => resolve(), { once: true });
  });
  let closed = false;
  return {
    pace: script.pace,
    frameIntervalMs: script.frameIntervalMs,
    async *frames() {
      for (const step of steps) {
        if (either.aborted) return;
        if (step.do === "frame") {
          state.framesGiven++;
          yield { ...picture(), ...step.frame };
        } else if (step.do === "fault") onFault?.(new CytoError("IMAGE_UNREADABLE", "a picture is damaged"));
        else if (step.do === "fail") throw step.error;
        else if (step.do === "hang") await never;
        else if (step.do === "wait") await aborted;
        else return;
      }
    },
    async [Symbol.asyncDispose]() {
      closing.abort();
      if (closed) return;
      closed = true;
      state.closed++;
      state.open--;
      if (script.hangOnClose === true) await never;
    },
  };
}
