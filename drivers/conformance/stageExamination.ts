import { setTimeout as delay } from "node:timers/promises";
import { CytoError } from "../../src/core/index.js";
import type { Stage, StageAxis, StageDriver, StageLimitsUm, StagePositionUm, StageTargetUm } from "../contract.js";
import { type BadSource, fail, inTime } from "./examination.js";

/** Where the table truly is, and what set it going: known of emulators and simulations, not of real stages. */
export interface StageTruth {
  /** How many moves have been begun so far, whoever began them. */
  begun(): number;
  /** Of the table, in the directions of the stage's axes, from any origin, um. */
  placeUm(): { readonly x: number; readonly y: number; readonly z?: number | undefined };
}

/** A stage driver and what to try it with. */
export interface StageSubject<Options = unknown> {
  readonly driver: StageDriver<Options>;
  /** As in the configuration; the defaults are filled in by the driver's schema. */
  readonly options?: Readonly<Record<string, unknown>>;
  readonly source: string | undefined;
  readonly limitsUm?: StageLimitsUm;
  /** Ways that are free from where it stands, um, negative where there is room on that side only. */
  readonly waysUm?: {
    /** Along x and y. */
    readonly short?: number;
    /** Along x; takes half a second or longer, so that it can be halted. */
    readonly long?: number;
    /** Along z; 0, the default: the focus is not moved. */
    readonly focus?: number;
  };
  /** How far from its target it may come to stand, um. */
  readonly toleranceUm?: number;
  /** Whether it may look for its switches, with nothing in the way up to them. */
  readonly mayHome?: boolean;
  /** Whether it tells where it is while it moves. */
  readonly tellsWhileMoving?: boolean;
  readonly truth?: StageTruth;
  /** Sources that cannot be opened, each with the codes that are right for it. */
  readonly badSources?: readonly BadSource[];
  /** Longest time for the stage to open, answer, go a way, halt, or close. */
  readonly deadlineMs?: number;
}

type Place = { readonly [Axis in StageAxis]?: number | undefined };

/** Whether two places are the same in these axes, but for the tolerance, um. */
export const at = (one: Place, other: Place, axes: readonly StageAxis[], toleranceUm: number): boolean =>
  axes.every((axis) => Math.abs((one[axis] ?? Number.NaN) - (other[axis] ?? Number.NaN)) <= toleranceUm);

interface Snapshot {
  readonly begun: number | undefined;
  readonly place: Place | undefined;
}

interface OpenWith {
  readonly source?: string | undefined;
  readonly limitsUm?: StageLimitsUm;
  readonly signal?: AbortSignal;
}

/** Runs a subject's checks, opens stages and watches deadlines. */
export class StageExamination<Options> {
  readonly deadlineMs: number;
  readonly toleranceUm: number;
  readonly shortUm: number;
  readonly longUm: number;
  readonly focusUm: number;

  constructor(readonly subject: StageSubject<Options>) {
    const { short = 200, long = 5000, focus = 0 } = subject.waysUm ?? {};
    this.deadlineMs = subject.deadlineMs ?? 15_000;
    this.toleranceUm = subject.toleranceUm ?? 2;
    this.shortUm = short;
    this.longUm = long;
    this.focusUm = focus;
  }

  inTime<T>(what: string, work: PromiseLike<T>): Promise<T> {
    return inTime(what, work, this.deadlineMs);
  }

  open(given: OpenWith = {}): Promise<Stage> {
    const { driver, options = {}, source, limitsUm = {} } = this.subject;
    const request = {
      ...{ source, limitsUm, signal: new AbortController().signal, ...given },
      options: driver.manifest.options.parse(options),
    };
    return this.inTime("Opening", driver.open(request));
  }

  /** Opens the subject's source, lets `use` work with it, and closes it whatever happens. */
  async withStage(
    use: (stage: Stage, open: AbortController) => Promise<void>,
    given: Pick<OpenWith, "limitsUm"> = {},
  ): Promise<void> {
    const open = new AbortController();
    const stage = await this.open({ ...given, signal: open.signal });
    try {
      await use(stage, open);
    } finally {
      await this.inTime("Closing", stage[Symbol.asyncDispose]());
    }
  }

  async where(stage: Stage): Promise<StagePositionUm> {
    const position = await this.inTime("Asking where it is", stage.position());
    for (const axis of stage.axes)
      if (!Number.isFinite(position[axis] ?? Number.NaN)) fail(`It tells no place of ${axis}.`, { position });
    return position;
  }

  /** Where it stands; declared to be there where it does not know: some move only then. */
  async readyAt(stage: Stage): Promise<StagePositionUm> {
    const position = await this.where(stage);
    if (!stage.referenced) await this.inTime("Declaring where it stands", stage.declare(position));
    return position;
  }

  /** A move that shall succeed. */
  async goes(stage: Stage, target: StageTargetUm): Promise<StagePositionUm> {
    const there = await this.inTime("A move", stage.moveTo(target));
    const wanted = stage.axes.filter((axis) => target[axis] !== undefined);
    if (!at(there, target, wanted, this.toleranceUm)) fail("It stands elsewhere than it should.", { target, there });
    if (!at(await this.where(stage), there, stage.axes, this.toleranceUm))
      fail("It is elsewhere than the move told.", { there });
    return there;
  }

  truePlace(): (Place & { readonly x: number; readonly y: number }) | undefined {
    return this.subject.truth?.placeUm();
  }

  snapshot(): Snapshot {
    return { begun: this.subject.truth?.begun(), place: this.truePlace() };
  }
}

/** That nothing has moved since: for what must not move. */
export function noMotion<O>(examination: StageExamination<O>, before: Snapshot, what: string): void {
  const now = examination.snapshot();
  if (now.begun !== before.begun) fail(`${what} has begun a move.`, { before: before.begun, now: now.begun });
  if (now.place && before.place && !at(now.place, before.place, ["x", "y"], 0))
    fail(`${what} has moved the table.`, { before: before.place, now: now.place });
}

/** That it stands still: it tells one place, and the table is at one. */
export async function stands<O>(examination: StageExamination<O>, stage: Stage): Promise<void> {
  const [first, truly] = [await examination.where(stage), examination.truePlace()];
  await delay(50);
  const [second, later] = [await examination.where(stage), examination.truePlace()];
  if (!at(first, second, stage.axes, 0.01)) fail("It does not stand still.", { first, second });
  if (truly && later && !at(truly, later, ["x", "y"], 0)) fail("Its table does not stand still.", { truly, later });
}

interface MoveUnderWay {
  readonly stage: Stage;
  readonly start: StagePositionUm;
  /** Its own outcome. */
  readonly move: Promise<StagePositionUm>;
  /** Of the move, and of the stage. */
  readonly abort: AbortController;
  readonly open: AbortController;
}

/** Waits until it is seen to move; where it does not tell that, for a moment. */
async function seenMoving<O>(examination: StageExamination<O>, stage: Stage, start: StagePositionUm): Promise<void> {
  const truly = examination.truePlace();
  const untilMs = performance.now() + 300;
  for (;;) {
    const now = examination.truePlace();
    if (truly && now && !at(truly, now, ["x"], 0)) return;
    if (!truly && !at(await examination.where(stage), start, ["x"], examination.toleranceUm)) return;
    if (performance.now() > untilMs) return;
    await delay(5);
  }
}

/** Lets `use` work while the stage goes its long way, looks that it stands afterwards, and sends it back. */
export async function whileMoving<O>(
  examination: StageExamination<O>,
  use: (under: MoveUnderWay) => Promise<void>,
  { stays = true } = {},
): Promise<void> {
  await examination.withStage(async (stage, open) => {
    const start = await examination.readyAt(stage);
    const abort = new AbortController();
    const move = stage.moveTo({ x: start.x + examination.longUm }, abort.signal);
    let ended: unknown;
    move.then(
      () => (ended = "arrived"),
      (error: unknown) => (ended = error),
    );
    await seenMoving(examination, stage, start);
    if (ended === "arrived") fail("Its long way is too short to be halted.", { longUm: examination.longUm });
    if (ended !== undefined) throw CytoError.from(ended, "DRIVER_INVALID");
    await use({ stage, start, move, abort, open });
    const outcome = await examination.inTime("The end of the move", Promise.allSettled([move]));
    if (outcome[0].status === "fulfilled") fail("A move that was to be halted has arrived.");
    if (!stays) return;
    await stands(examination, stage);
    await examination.goes(stage, { x: start.x });
  });
}
