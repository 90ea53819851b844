import { Observable } from "rxjs";
import type { Camera, CameraDriver, CameraFrame, CameraPace } from "../../drivers/contract.js";
import { CytoError } from "../core/index.js";
import type { Demand } from "./demand.js";

export interface SessionOptions {
  readonly driver: CameraDriver;
  readonly source: string | undefined;
  /** As the driver's schema gave them. */
  readonly driverOptions: unknown;
  readonly openTimeoutMs: number;
  /** A camera that is asked for a frame and gives none for so long has failed. */
  readonly staleAfterMs: number;
  readonly closeTimeoutMs: number;
  readonly demand: Demand;
  readonly onFault: (fault: CytoError) => void;
  readonly onNotice?: ((notice: string) => void) | undefined;
  /** The camera is open; who sets its pace. */
  readonly onOpened: (pace: CameraPace) => void;
  /** The camera is asked for a frame, which is due within so many ms. */
  readonly onWaiting: (dueMs: number) => void;
  /** Closing did not go well; the session has ended anyway. */
  readonly onCloseFailed: (error: CytoError) => void;
  /** The session before this one; awaited before the camera is opened. */
  readonly after: Promise<void>;
  /** Told of the session's end, so that the next one and the owner can await it. */
  readonly track: (closed: Promise<void>) => void;
}

const gaveUp = Symbol("gave up");

/**
 * What a promise gives, or `gaveUp` after a time or when the signal aborts. The promise itself goes on; should it fail later, that
 * is not unhandled.
 */
async function within<T>(work: PromiseLike<T>, timeoutMs: number, signal?: AbortSignal): Promise<T | typeof gaveUp> {
  let stop: () => void = () => {};
  const deadline = new Promise<typeof gaveUp>((resolve) => {
    const giveUp = (): void => resolve(gaveUp);
    const timer = setTimeout(giveUp, timeoutMs);
    if (signal?.aborted === true) giveUp();
    signal?.addEventListener("abort", giveUp);
    stop = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", giveUp);
    };
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    stop();
  }
}

const nameOf = ({ driver, source }: SessionOptions): string =>
  source === undefined ? driver.manifest.name : `${driver.manifest.name} (${source})`;

async function close(camera: Camera, options: SessionOptions): Promise<void> {
  try {
    const outcome = await within(camera[Symbol.asyncDispose](), options.closeTimeoutMs);
    if (outcome !== gaveUp) return;
    const message = `Closing the camera ${nameOf(options)} took longer than ${options.closeTimeoutMs} ms.`;
    options.onCloseFailed(new CytoError("CLOSE_TIMEOUT", message));
  } catch (error) {
    options.onCloseFailed(CytoError.from(error));
  }
}

/** Undefined where the signal aborts first. */
async function open(options: SessionOptions, signal: AbortSignal): Promise<Camera | undefined> {
  const { driver, source, driverOptions, openTimeoutMs, onFault, onNotice } = options;
  const opening = driver.open({ source, options: driverOptions, signal, onFault, onNotice });
  const camera = await within(opening, openTimeoutMs, signal);
  if (camera !== gaveUp) return camera;
  // Should it open after all, nobody wants it any more.
  opening.then(
    (late) => close(late, options),
    () => undefined,
  );
  if (signal.aborted) return undefined;
  throw new CytoError("CAMERA_OPEN_FAILED", `The camera ${nameOf(options)} did not open in ${openTimeoutMs} ms.`, {
    context: { source, openTimeoutMs },
  });
}

const staleError = (options: SessionOptions, afterMs: number): CytoError =>
  new CytoError("CAMERA_STALE", `The camera ${nameOf(options)} has delivered no frame for ${Math.round(afterMs)} ms.`, {
    context: { source: options.source, afterMs },
  });

type Deliver = (frame: CameraFrame) => void;

/** Asks for frame after frame. Between asking and getting there is no buffer: what is delivered has been asked for. */
async function pull(camera: Camera, deliver: Deliver, options: SessionOptions, signal: AbortSignal): Promise<void> {
  const frames = camera.frames()[Symbol.asyncIterator]();
  const waitsForConsumer = camera.pace === "onDemand";
  let started = false;
  while (!signal.aborted) {
    if (waitsForConsumer) await options.demand.room(signal);
    if (signal.aborted) return;
    const dueMs = options.staleAfterMs + (camera.frameIntervalMs ?? 0);
    options.onWaiting(dueMs);
    // A first frame may take as long as opening does (exposure settling, a slide being painted): counts are marked
    // stale meanwhile, but to open the camera again would only begin the wait anew.
    const patienceMs = started ? dueMs : Math.max(dueMs, options.openTimeoutMs);
    const result = await within(frames.next(), patienceMs, signal);
    if (signal.aborted) return;
    if (result === gaveUp) throw staleError(options, patienceMs);
    started = true;
    if (result.done === true) return;
    deliver(result.value);
  }
}

async function run(deliver: Deliver, options: SessionOptions, controller: AbortController): Promise<void> {
  // What was open before must be closed first: most devices serve one at a time.
  await options.after;
  if (controller.signal.aborted) return;
  const camera = await open(options, controller.signal);
  if (camera === undefined) return;
  options.onOpened(camera.pace ?? "live");
  try {
    await pull(camera, deliver, options, controller.signal);
  } finally {
    controller.abort();
    await close(camera, options);
  }
}

/**
 * One opening of a camera and its frames until it ends, fails, or is unsubscribed. A driver that hangs is left behind: opening,
 * each frame and closing have deadlines. The camera is closed before the stream completes or fails, so that it can be
 * opened again. Foreign errors come out as CAMERA_OPEN_FAILED.
 */
export const cameraSession = (options: SessionOptions): Observable<CameraFrame> =>
  new Observable<CameraFrame>((subscriber) => {
    const controller = new AbortController();
    const deliver: Deliver = (frame) => subscriber.next(frame);
    const closed = run(deliver, options, controller).then(
      () => subscriber.complete(),
      (error: unknown) => {
        subscriber.error(CytoError.from(error, "CAMERA_OPEN_FAILED"));
      },
    );
    options.track(closed);
    return () => controller.abort();
  });
