import { BehaviorSubject, Observable, type Subscription } from "rxjs";
import type { Stage, StageDriver, StageLimitsUm, StagePositionUm, StageTargetUm } from "../../../drivers/index.js";
import { type BackoffOptions, CytoError, retryWithBackoff } from "../../core/index.js";
import type { StageControl, StageStatus } from "../ports.js";
import { type Approached, approach, type PlayUm } from "./approach.js";
import { initialMotion, type MotionEvent, type MotionState, reduceMotion, statusOf } from "./state.js";

export interface StageControlOptions {
  readonly driver: StageDriver;
  readonly source: string | undefined;
  /** As the driver's schema gave them. */
  readonly options: unknown;
  readonly limitsUm: StageLimitsUm;
  readonly backlashUm: PlayUm;
  readonly openTimeoutMs: number;
  readonly moveTimeoutMs: number;
  readonly reconnect: BackoffOptions & { readonly resetAfterMs?: number };
  readonly random?: () => number;
  /** A fault, once each; for the log. */
  readonly onFault?: (fault: CytoError) => void;
  readonly onNotice?: (notice: string) => void;
}

/** How often the position is asked for while the stage moves. */
const positionEveryMs = 150;
/** Time for a lost stage to hear the halt, and for one to close. */
const haltMs = 200;
const closeMs = 3000;

const given = Symbol("given up");

const atMost = async <T>(work: Promise<T>, ms: number): Promise<T | typeof given> => {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<typeof given>((resolve) => {
    timer = setTimeout(() => resolve(given), ms);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
};

const isFinal = ({ code }: CytoError): boolean =>
  code === "INTERNAL" || code === "STAGE_NOT_FOUND" || code === "DRIVER_INVALID" || code === "CONFIG_INVALID";

/** Halts what may still move, closes, and waits no longer than it must. */
const leave = async (stage: Stage): Promise<void> => {
  await atMost(
    stage.stop().catch(() => {}),
    haltMs,
  );
  await atMost(
    Promise.resolve(stage[Symbol.asyncDispose]()).catch(() => {}),
    closeMs,
  );
};

class ReconnectingStage implements StageControl {
  readonly name: string;
  readonly simulated: boolean;
  readonly #options: StageControlOptions;
  readonly #status: BehaviorSubject<StageStatus>;
  readonly status$: Observable<StageStatus>;
  readonly #subscription: Subscription;
  readonly #closing = new AbortController();
  #state: MotionState = initialMotion;
  #stage: Stage | undefined;
  #axes: readonly string[] = [];
  #approached: Approached = {};
  #halt: AbortController | undefined;
  #everOpen = false;
  #closed: Promise<void> = Promise.resolve();

  constructor(options: StageControlOptions) {
    this.#options = options;
    this.name = options.driver.manifest.name;
    this.simulated = options.driver.manifest.simulated;
    this.#status = new BehaviorSubject(statusOf(this.#state));
    this.status$ = this.#status.asObservable();
    this.#subscription = this.#keepOpen();
  }

  get hasFocus(): boolean {
    return this.#axes.includes("z");
  }

  get status(): StageStatus {
    return this.#status.value;
  }

  async moveTo(target: StageTargetUm, signal?: AbortSignal): Promise<StagePositionUm> {
    const stage = this.#ready();
    if (!this.#state.referenced)
      throw new CytoError("STAGE_UNREFERENCED", `The stage ${this.name} does not know where it is.`);
    const { backlashUm, limitsUm } = this.#options;
    const now = this.#state.positionUm ?? (await stage.position());
    const way = approach(target, { now, approached: this.#approached, playUm: backlashUm, limitsUm });
    return this.#work("moving", signal, async (halt) => {
      // A way that is cut short leaves the play anywhere.
      this.#approached = {};
      let reached = now;
      for (const leg of way.legs) reached = await stage.moveTo(leg, halt);
      this.#approached = way.approached;
      return reached;
    });
  }

  home(signal?: AbortSignal): Promise<StagePositionUm> {
    return this.#work("homing", signal, async (halt) => {
      this.#approached = {};
      return this.#ready("homing").home(halt);
    });
  }

  async declare(position: StagePositionUm): Promise<void> {
    const stage = this.#ready();
    await stage.declare(position);
    this.#approached = {};
    this.#tell({ type: "declared", positionUm: await stage.position() });
  }

  async stop(): Promise<void> {
    const stopped = this.#stage?.stop();
    this.#tell({ type: "stopped" });
    this.#halt?.abort(new CytoError("STAGE_STOPPED", `The stage ${this.name} was stopped.`));
    await stopped;
  }

  release(): void {
    this.#tell({ type: "released" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    this.#halt?.abort(new CytoError("STAGE_STOPPED", "the stage is being closed"));
    this.#subscription.unsubscribe();
    await this.#closed;
    this.#status.complete();
  }

  /** The stage, where something may be begun. @throws CytoError */
  #ready(work: MotionState["work"] = "none"): Stage {
    const { latched, failure } = this.#state;
    const stage = this.#stage;
    if (latched) throw new CytoError("STAGE_STOPPED", `The stage ${this.name} was stopped, and is not released.`);
    if (stage === undefined)
      throw failure ?? new CytoError("STAGE_DISCONNECTED", `The stage ${this.name} is not open yet.`);
    if (this.#state.work !== work) throw new CytoError("STAGE_BUSY", `The stage ${this.name} is moving.`);
    return stage;
  }

  async #work(
    work: "moving" | "homing",
    signal: AbortSignal | undefined,
    act: (halt: AbortSignal) => Promise<StagePositionUm>,
  ): Promise<StagePositionUm> {
    const stage = this.#ready();
    const halt = new AbortController();
    this.#halt = halt;
    const late = new CytoError(
      "STAGE_SILENT",
      `The stage ${this.name} did not arrive in ${this.#options.moveTimeoutMs} ms.`,
    );
    const timer = setTimeout(() => halt.abort(late), this.#options.moveTimeoutMs);
    const follow = setInterval(() => this.#lookWhere(stage), positionEveryMs);
    this.#tell({ type: "began", work });
    let positionUm: StagePositionUm | undefined;
    let failure: CytoError | undefined;
    try {
      positionUm = await act(signal === undefined ? halt.signal : AbortSignal.any([halt.signal, signal]));
      return positionUm;
    } catch (error) {
      failure = halt.signal.reason === late ? late : CytoError.from(error);
      // What did not end well stands still before anything else happens.
      await atMost(
        stage.stop().catch(() => {}),
        haltMs,
      );
      positionUm = await this.#whereNow(stage);
      throw failure;
    } finally {
      clearTimeout(timer);
      clearInterval(follow);
      this.#halt = undefined;
      if (this.#stage === stage) {
        this.#tell({ type: "ended", referenced: stage.referenced, positionUm, failure });
        if (positionUm === undefined) this.#lookWhere(stage);
      }
    }
  }

  async #whereNow(stage: Stage): Promise<StagePositionUm | undefined> {
    const position = await atMost(
      stage.position().catch(() => undefined),
      haltMs,
    );
    return position === given ? undefined : position;
  }

  #lookWhere(stage: Stage): void {
    stage.position().then(
      (positionUm) => {
        if (this.#stage === stage) this.#tell({ type: "at", positionUm });
      },
      () => {},
    );
  }

  #tell(event: MotionEvent): void {
    this.#state = reduceMotion(this.#state, event);
    this.#status.next(statusOf(this.#state));
  }

  #keepOpen(): Subscription {
    const { reconnect, random = Math.random, onFault } = this.#options;
    const session$ = new Observable<Stage>((subscriber) => {
      const session = new AbortController();
      const before = this.#closed;
      const ended = this.#session(session.signal, (stage) => subscriber.next(stage), before).catch((error: unknown) =>
        subscriber.error(CytoError.from(error)),
      );
      this.#closed = ended;
      return () => session.abort();
    });
    const lost = (error: CytoError, final: boolean): void => {
      this.#tell({ type: "lost", error, final });
      if (!this.#closing.signal.aborted) onFault?.(error);
    };
    const retried$ = session$.pipe(
      retryWithBackoff<Stage>({
        ...reconnect,
        random,
        isRetryable: (error) => !isFinal(error) && (error.retryable || this.#everOpen),
        onRetry: ({ cause }) => lost(cause, false),
      }),
    );
    return retried$.subscribe({ error: (error: unknown) => lost(CytoError.from(error), true) });
  }

  /** One opening of the stage, until it is lost or no longer wanted. Opening, and coming back, moves nothing. */
  async #session(signal: AbortSignal, opened: (stage: Stage) => void, before: Promise<void>): Promise<void> {
    await before;
    if (signal.aborted) return;
    const { driver, source, options, limitsUm, openTimeoutMs, onNotice } = this.#options;
    let fail: (fault: CytoError) => void = () => {};
    const fault = new Promise<CytoError>((resolve) => {
      fail = resolve;
    });
    const opening = driver.open({ source, options, limitsUm, signal, onFault: (error) => fail(error), onNotice });
    const stage = await atMost(opening, openTimeoutMs);
    if (stage === given) {
      opening.then(leave, () => {});
      throw new CytoError("STAGE_SILENT", `The stage ${this.name} did not open in ${openTimeoutMs} ms.`);
    }
    try {
      if (signal.aborted) return;
      this.#stage = stage;
      this.#everOpen = true;
      this.#axes = stage.axes;
      this.#approached = {};
      const positionUm = await this.#whereNow(stage);
      this.#tell({ type: "opened", referenced: stage.referenced, positionUm });
      opened(stage);
      const aborted = new Promise<undefined>((resolve) =>
        signal.aborted
          ? resolve(undefined)
          : signal.addEventListener("abort", () => resolve(undefined), { once: true }),
      );
      const error = await Promise.race([fault, aborted]);
      if (error !== undefined) {
        // Closing takes its time: nobody shall take it for open meanwhile.
        this.#tell({ type: "lost", error, final: false });
        throw error;
      }
    } finally {
      this.#stage = undefined;
      await leave(stage);
    }
  }
}

/**
 * Opens a stage and keeps it open: in the background, again and again with capped, jittered backoff when it is lost. What comes back does not know
 * where it is and stands still until a person homes it or declares its position.
 */
export const openStageControl = (options: StageControlOptions): StageControl => new ReconnectingStage(options);
