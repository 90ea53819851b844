import {
  BehaviorSubject,
  defer,
  distinctUntilChanged,
  from,
  map,
  type Observable,
  type ObservableInput,
  type SchedulerLike,
  Subject,
  share,
  takeUntil,
  tap,
} from "rxjs";
import { filter } from "rxjs/operators";
import type { CameraDriver, CameraFrame, CameraPace } from "../../drivers/contract.js";
import {
  type BackoffOptions,
  type Clock,
  CytoError,
  type ErrorCode,
  type Frame,
  latest,
  type RetryNotice,
  retryWithBackoff,
  systemClock,
} from "../core/index.js";
import { checkFrame } from "./checkFrame.js";
import { Demand } from "./demand.js";
import { type FrameQuality, QualityMeter } from "./quality.js";
import { cameraSession } from "./session.js";
import { type CameraEvent, type CameraStatus, initialStatus, reduceStatus } from "./status.js";
import { type FrameCounts, type FrameDropCause, FrameTally } from "./tally.js";

export interface AcquireOptions {
  readonly driver: CameraDriver;
  readonly source: string | undefined;
  /** Checked by the schema of the driver's manifest. */
  readonly driverOptions: unknown;
  readonly openTimeoutMs?: number;
  /** Without a frame for so long the status is stale and the camera is opened anew; at most 3000. */
  readonly staleAfterMs?: number;
  readonly closeTimeoutMs?: number;
  readonly reconnect?: BackoffOptions & { readonly resetAfterMs?: number };
  readonly random?: () => number;
  readonly clock?: Clock;
  /** For the delays between openings. */
  readonly scheduler?: SchedulerLike;
  /** A frame was lost, refused or left out. Once per frame. */
  readonly onDrop?: (cause: FrameDropCause) => void;
  /** The error behind a lost or refused frame, or behind a closing that failed; for the log. */
  readonly onFault?: (fault: CytoError) => void;
  /** What the driver says of a camera that works; for the log. */
  readonly onNotice?: (notice: string) => void;
}

/** A frame with its quality, held by whoever got it from the stream. */
export interface AcquiredFrame {
  readonly frame: Frame;
  readonly quality: FrameQuality;
  /**
   * The holder is done with the frame. A camera that waits for its consumer is not asked for more before. `process` does it;
   * who subscribes to `frame$` itself must. May be called again.
   */
  release(): void;
}

export interface ProcessOptions {
  /** Frames worked on at the same time; 1 unless given. */
  readonly concurrency?: number;
  /** Frames that may wait; 1 unless given. Of a live camera the newest wait, older ones are dropped. */
  readonly waiting?: number;
  readonly onDepth?: (waiting: number) => void;
}

/** Refused frames in a row after which a camera is opened anew. */
const maxInvalidInRow = 30;

const defaultReconnect: BackoffOptions & { readonly resetAfterMs: number } = {
  initialDelayMs: 250,
  maxDelayMs: 3000,
  resetAfterMs: 2000,
};

/** What trying again cannot mend, even with a camera that has worked. */
const finalCodes: ReadonlySet<string> = new Set<ErrorCode>([
  "INTERNAL",
  "CAMERA_NOT_FOUND",
  "DRIVER_INVALID",
  "FFMPEG_NOT_FOUND",
  "GENICAM_TOOLS_NOT_FOUND",
  "MICROMANAGER_NOT_FOUND",
]);
const isFinal = ({ code }: CytoError): boolean => finalCodes.has(code);

/** Frames of a camera for as long as it takes: see `acquire`. */
export class Acquisition implements AsyncDisposable {
  /** Sequence numbers rise by one and survive reconnects. Completes when the source ends; fails when it is beyond mending. */
  readonly frame$: Observable<AcquiredFrame>;
  /** Begins with the status that is; completes when the acquisition is disposed of. */
  readonly status$: Observable<CameraStatus>;
  readonly stale$: Observable<boolean>;
  readonly #options: AcquireOptions;
  readonly #clock: Clock;
  readonly #status: BehaviorSubject<CameraStatus>;
  readonly #disposing = new Subject<void>();
  readonly #demand = new Demand();
  readonly #meter = new QualityMeter();
  readonly #tally: FrameTally;
  #session: Promise<void> = Promise.resolve();
  #pace: CameraPace = "live";
  #sequence = 0;
  #invalidInRow = 0;
  #staleTimer: NodeJS.Timeout | undefined;

  constructor(options: AcquireOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#status = new BehaviorSubject(initialStatus(this.#clock.now()));
    this.status$ = this.#status.asObservable();
    this.stale$ = this.#status.pipe(
      map(({ stale }) => stale),
      distinctUntilChanged(),
    );
    this.#tally = new FrameTally(options.onDrop);
    this.frame$ = this.#frames();
  }

  get status(): CameraStatus {
    return this.#status.value;
  }

  /** Who sets the pace, of the camera that was opened last. */
  get pace(): CameraPace {
    return this.#pace;
  }

  get counts(): FrameCounts {
    return this.#tally.counts;
  }

  /**
   * Works on frames. Of a live camera the newest wait in a mailbox and the others are dropped and counted; a camera that waits for
   * its consumer is asked for as many as there is room for, and none is dropped. An error of `project` ends the stream: what
   * concerns one frame only is caught inside.
   */
  process<R>(project: (frame: AcquiredFrame) => ObservableInput<R>, options: ProcessOptions = {}): Observable<R> {
    const { concurrency = 1, waiting = 1, onDepth } = options;
    const work = (acquired: AcquiredFrame): Observable<R> =>
      defer(() => from(project(acquired))).pipe(tap({ complete: () => this.#tally.process() }));
    // Not before its place is free: a camera that waits for its consumer would be asked for a frame that there is no room for.
    const onDone = (acquired: AcquiredFrame): void => acquired.release();
    const onDrop = (acquired: AcquiredFrame, cause: FrameDropCause): void => {
      this.#tally.drop(cause);
      acquired.release();
    };
    return defer(() => {
      this.#demand.limit = concurrency + waiting;
      const mailbox = { concurrency, ordered: true, onDrop, onDone, ...(onDepth === undefined ? {} : { onDepth }) };
      return this.frame$.pipe(latest(waiting, work, mailbox));
    });
  }

  /** Ends the streams and resolves when the camera is closed, or its deadline has passed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposing.next();
    this.#disposing.complete();
    this.#clearStale();
    await this.#session;
    this.#status.complete();
  }

  #frames(): Observable<AcquiredFrame> {
    const { random = Math.random, reconnect = defaultReconnect, scheduler } = this.#options;
    return defer(() => this.#openSession()).pipe(
      map((frame) => this.#accept(frame)),
      filter((acquired) => acquired !== undefined),
      retryWithBackoff<AcquiredFrame>({
        ...reconnect,
        random,
        ...(scheduler === undefined ? {} : { scheduler }),
        isRetryable: (error) => error.retryable || (this.#sequence > 0 && !isFinal(error)),
        onRetry: (notice) => this.#retrying(notice),
      }),
      tap({
        complete: () => this.#conclude({ type: "ended" }),
        error: (error: unknown) => {
          const { code, message } = CytoError.from(error);
          this.#conclude({ type: "failed", code, message });
        },
      }),
      takeUntil(this.#disposing),
      share(),
    );
  }

  #openSession(): Observable<CameraFrame> {
    const { driver, source, driverOptions } = this.#options;
    const { openTimeoutMs = 10_000, staleAfterMs = 2000, closeTimeoutMs = 5000 } = this.#options;
    return cameraSession({
      ...{ driver, source, driverOptions, openTimeoutMs, staleAfterMs, closeTimeoutMs },
      demand: this.#demand,
      onFault: (fault) => this.#lose(fault),
      onNotice: this.#options.onNotice,
      onOpened: (pace) => {
        this.#pace = pace;
      },
      onWaiting: (dueMs) => this.#awaitFrame(dueMs),
      onCloseFailed: (error) => this.#options.onFault?.(error),
      after: this.#session,
      track: (closed) => {
        this.#session = closed;
      },
    });
  }

  #accept(given: CameraFrame): AcquiredFrame | undefined {
    const invalid = checkFrame(given);
    if (invalid !== undefined) {
      this.#lose(invalid);
      this.#invalidInRow++;
      if (this.#invalidInRow < maxInvalidInRow) return undefined;
      this.#invalidInRow = 0;
      throw invalid;
    }
    this.#invalidInRow = 0;
    this.#clearStale();
    this.#tally.produce();
    this.#emit({ type: "frame" });
    const frame: Frame = { ...given, sequence: this.#sequence++, camera: this.#options.driver.manifest.name };
    return { frame, quality: this.#meter.measure(frame), release: this.#demand.take() };
  }

  /** A frame that the camera had and that cannot be used. */
  #lose(fault: CytoError): void {
    this.#tally.produce();
    this.#tally.drop(fault.code);
    this.#options.onFault?.(fault);
  }

  /** Old results are marked from the time at which the next frame is due, through failures and openings, until it comes. */
  #awaitFrame(dueMs: number): void {
    if (this.#staleTimer !== undefined || this.#sequence === 0) return;
    this.#staleTimer = setTimeout(() => this.#emit({ type: "stale" }), dueMs);
  }

  #clearStale(): void {
    clearTimeout(this.#staleTimer);
    this.#staleTimer = undefined;
  }

  #retrying({ cause, delayMs }: RetryNotice): void {
    this.#emit({ type: "retry", code: cause.code, message: cause.message, delayMs });
  }

  #conclude(event: CameraEvent): void {
    this.#clearStale();
    this.#emit(event);
  }

  #emit(event: CameraEvent): void {
    const status = reduceStatus(this.#status.value, event, this.#clock.now());
    if (status !== this.#status.value) this.#status.next(status);
  }
}

/**
 * Frames of a camera: opened when subscribed to, opened again with capped, jittered backoff when it fails, and closed when
 * unsubscribed from or disposed of. A camera that never gave a frame and fails in a way that is not retryable fails the stream;
 * one that has worked is tried again for ever. Nothing between camera and subscriber holds more than the frame at hand.
 */
export const acquire = (options: AcquireOptions): Acquisition => new Acquisition(options);
