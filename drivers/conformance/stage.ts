import { CytoError } from "../../src/core/index.js";
import { type Stage, type StageAxis, type StagePositionUm, type StageTargetUm, stageAxes } from "../contract.js";
import {
  type BadSource,
  type ConformanceCheck,
  type ConformanceResult,
  type ExamineOptions,
  expectNothingLeft,
  expectRefusal,
  fail,
  runChecks,
} from "./examination.js";
import { codeOf, StageExamination, type StageSubject } from "./stageExamination.js";

/**
 * How far from the middle moves go, as a share of the limits' width. What closing leaves on its way stands up to this far from where it
 * is taken to be: it may go as far again.
 */
const reach = 0.25;

const checkPosition = (position: StagePositionUm, axes: readonly StageAxis[]): void => {
  for (const axis of stageAxes) {
    const value = position[axis];
    if (axes.includes(axis) ? !Number.isFinite(value) : value !== undefined)
      fail(`The position contradicts the axes in ${axis}.`, { position, axes });
  }
};

async function opensWithoutMoving<O>(examination: StageExamination<O>): Promise<void> {
  const [moves, place] = [examination.moves, examination.placeUm];
  await examination.withStage(async (stage) => {
    await examination.expectStanding(stage);
    const [movesNow, placeNow] = [examination.moves, examination.placeUm];
    if (moves !== movesNow) fail("Opening moved the stage.", { moves: (movesNow ?? 0) - (moves ?? 0) });
    if (place && placeNow && !examination.same(place, placeNow))
      fail("Opening truly moved the stage.", { place, placeNow });
  });
}

async function tellsWhatItIs<O>(examination: StageExamination<O>): Promise<void> {
  await examination.withStage(async (stage) => {
    const { identity, axes, canHome, referenced } = stage;
    if (typeof identity !== "string" || identity.trim() === "") fail("The stage does not tell what it is.");
    const known = axes.every((axis) => stageAxes.includes(axis)) && new Set(axes).size === axes.length;
    if (!known || !axes.includes("x") || !axes.includes("y")) fail("The axes are no x, y and perhaps z.", { axes });
    if (typeof canHome !== "boolean" || typeof referenced !== "boolean")
      fail("The stage does not tell whether it can home, or whether it knows where it is.", { canHome, referenced });
    checkPosition(await examination.position(stage), axes);
  });
}

async function becomesReferenced<O>(examination: StageExamination<O>): Promise<void> {
  // To be made ready is to be declared where it does not know where it is.
  await examination.withReadyStage(async (stage) => {
    if (!stage.referenced) fail("The stage does not know where it is after it was declared.");
    const position = await examination.position(stage);
    await examination.expectNoMotion(stage, "Declaring a position", async () => {
      await examination.inTime("Declaring a position", stage.declare(position));
    });
    if (!stage.referenced) fail("Declaring where it stands makes the stage forget it.");
  });
}

async function refusesTargets<O>(examination: StageExamination<O>): Promise<void> {
  await examination.withReadyStage(async (stage) => {
    const { limitsUm } = examination.subject;
    const axes = examination.axesOf(stage);
    const inside = examination.target(axes, reach);
    const targets = axes.flatMap((axis): StageTargetUm[] => {
      const { min, max } = limitsUm[axis] ?? fail(`The axis ${axis} has no limits.`);
      // The other axes would go where they may: none of them must set out.
      return [min - 1, max + 1, Number.NaN].map((value) => ({ ...inside, [axis]: value }));
    });
    const expect = async (target: StageTargetUm, code: string): Promise<void> =>
      examination.expectNoMotion(stage, "A target that cannot be", async () => {
        const given = await examination.inTime("Refusing a target", codeOf(stage.moveTo(target)));
        if (given !== code) fail(`A target that cannot be gives ${given ?? "a move"}, not ${code}.`, { target });
      });
    for (const target of targets) await expect(target, "STAGE_LIMIT");
    if (!stage.axes.includes("z") && limitsUm.z === undefined) await expect({ z: 0 }, "STAGE_UNSUPPORTED");
  });
}

/** Moves, and compares what is reported, and what is true, with what was asked. */
async function arrive<O>(examination: StageExamination<O>, stage: Stage, target: StageTargetUm): Promise<void> {
  const [moves, place, before] = [examination.moves, examination.placeUm, await examination.position(stage)];
  const told = await examination.inTime("A move", stage.moveTo(target));
  const placeNow = examination.placeUm;
  const after = await examination.position(stage);
  checkPosition(told, stage.axes);
  const wanted = Object.fromEntries(stage.axes.map((axis) => [axis, target[axis] ?? before[axis]]));
  if (!examination.same(told, wanted)) fail("A move ends elsewhere.", { wanted, told });
  if (!examination.same(after, wanted)) fail("The position after a move is another.", { wanted, after });
  if (moves !== undefined && moves === examination.moves) fail("The stage says that it moved, and did not.");
  if (place && placeNow) {
    const way = (from: StagePositionUm, to: Partial<StagePositionUm>) =>
      Object.fromEntries(stage.axes.map((axis) => [axis, (to[axis] ?? Number.NaN) - (from[axis] ?? Number.NaN)]));
    const [trueWay, wantedWay] = [way(place, placeNow), way(before, wanted)];
    if (!examination.same(trueWay, wantedWay)) fail("The stage truly went another way.", { wantedWay, trueWay });
  }
  await examination.expectStanding(stage);
}

async function arrives<O>(examination: StageExamination<O>): Promise<void> {
  await examination.withReadyStage(async (stage) => {
    await arrive(examination, stage, examination.target(examination.axesOf(stage), reach / 2));
    await arrive(examination, stage, examination.target(examination.axesOf(stage), -reach / 2));
    if (!stage.referenced) fail("A move makes the stage forget where it is.");
  });
}

async function arrivesInPart<O>(examination: StageExamination<O>): Promise<void> {
  await examination.withReadyStage(async (stage) => {
    for (const axis of examination.axesOf(stage))
      await arrive(examination, stage, examination.target([axis], reach / 2));
  });
}

const far = <O>(examination: StageExamination<O>, direction: 1 | -1): StageTargetUm =>
  examination.target(["x", "y"], direction * reach);

async function refusesSecondMove<O>(examination: StageExamination<O>): Promise<void> {
  await examination.withReadyStage(async (stage) => {
    const target = far(examination, 1);
    const { outcome } = await examination.begin(stage, target);
    checkPosition(await examination.inTime("The position during a move", stage.position()), stage.axes);
    const second = await examination.inTime("A second move", codeOf(stage.moveTo(far(examination, -1))));
    if (second !== "STAGE_BUSY") fail(`A second move gives ${second ?? "no error"}, not STAGE_BUSY.`);
    const first = await examination.inTime("The first move", outcome);
    if (first !== undefined) fail(`A second move ends the first (${first}).`);
    const position = await examination.position(stage);
    if (!examination.same(position, target, ["x", "y"])) fail("A second move leads the first astray.", { position });
  });
}

/** Halts a move on its way by `halt`; the stage can be used as before. */
async function halts<O>(
  examination: StageExamination<O>,
  halt: (stage: Stage, abort: AbortController) => Promise<void>,
): Promise<void> {
  await examination.withReadyStage(async (stage) => {
    const abort = new AbortController();
    const target = far(examination, 1);
    const { outcome } = await examination.begin(stage, target, abort.signal);
    await examination.inTime("Halting", halt(stage, abort));
    const code = await examination.inTime("The end of a halted move", outcome);
    if (code !== "STAGE_STOPPED") fail(`A halted move gives ${code ?? "an arrival"}, not STAGE_STOPPED.`);
    await examination.expectStanding(stage);
    const position = await examination.position(stage);
    if (examination.same(position, target, ["x", "y"])) fail("A halted move arrives.", { position, target });
  });
}

const stops = <O>(examination: StageExamination<O>): Promise<void> => halts(examination, (stage) => stage.stop());

const heedsAbort = <O>(examination: StageExamination<O>): Promise<void> =>
  halts(examination, async (_, abort) => abort.abort());

async function heedsAbortBeforeMoving<O>(examination: StageExamination<O>): Promise<void> {
  await examination.withReadyStage((stage) =>
    examination.expectNoMotion(stage, "A move that was aborted before", async () => {
      const move = stage.moveTo(far(examination, 1), AbortSignal.abort());
      const code = await examination.inTime("A move that was aborted before", codeOf(move));
      if (code !== "STAGE_STOPPED") fail(`A move that was aborted before gives ${code ?? "an arrival"}.`);
    }),
  );
}

async function heedsAbortBeforeOpening<O>(examination: StageExamination<O>): Promise<void> {
  let stage: Stage;
  try {
    stage = await examination.open(AbortSignal.abort(), examination.subject.source);
  } catch {
    return;
  }
  await examination.inTime("Closing", stage[Symbol.asyncDispose]());
  fail("An abort before opening is not heeded.");
}

async function stopsAtRest<O>(examination: StageExamination<O>): Promise<void> {
  await examination.withReadyStage((stage) =>
    examination.expectNoMotion(stage, "Stopping", () => examination.inTime("Stopping", stage.stop())),
  );
}

/** Ends a move by closing the stage, and looks at it when it is opened again. */
async function haltsForGood<O>(
  examination: StageExamination<O>,
  direction: 1 | -1,
  end: (stage: Stage, abort: AbortController) => Promise<void>,
): Promise<void> {
  const target = far(examination, direction);
  await examination.withMovingStage(async (stage, abort) => {
    const { outcome } = await examination.begin(stage, target);
    await examination.inTime("Closing during a move", end(stage, abort));
    const code = await examination.inTime("The end of a move after closing", outcome);
    if (code !== "STAGE_STOPPED") fail(`Closing during a move gives ${code ?? "an arrival"}, not STAGE_STOPPED.`);
    const after = await examination.inTime("A move after closing", codeOf(stage.moveTo(target)));
    if (!after?.startsWith("STAGE_")) fail(`A move after closing gives ${after ?? "no error"}.`);
  });
  await examination.withStage((stage) => examination.expectStanding(stage));
}

const haltsWhenClosed = <O>(examination: StageExamination<O>): Promise<void> =>
  haltsForGood(examination, 1, async (stage) => {
    await Promise.all([stage[Symbol.asyncDispose](), stage[Symbol.asyncDispose]()]);
    await stage[Symbol.asyncDispose]();
  });

const haltsWhenAborted = <O>(examination: StageExamination<O>): Promise<void> =>
  haltsForGood(examination, -1, async (stage, abort) => {
    abort.abort();
    await stage[Symbol.asyncDispose]();
  });

async function homes<O>(examination: StageExamination<O>): Promise<void> {
  examination.expectKnown();
  await examination.withStage(async (stage) => {
    if (!stage.canHome) {
      await examination.expectNoMotion(stage, "Homing without switches", async () => {
        const code = await examination.inTime("Refusing to home", codeOf(stage.home()));
        if (code !== "STAGE_UNSUPPORTED") fail(`Homing without switches gives ${code ?? "no error"}.`);
      });
      return;
    }
    const told = await examination.inTime("Homing", stage.home());
    if (!stage.referenced) fail("The stage does not know where it is after homing.");
    checkPosition(told, stage.axes);
    await examination.expectStanding(stage);
    const position = await examination.position(stage);
    if (!examination.same(position, told)) fail("The position after homing is another.", { told, position });
  });
}

async function refuses<O>(examination: StageExamination<O>, bad: BadSource): Promise<void> {
  await expectRefusal(bad, async () => {
    const stage = await examination.open(new AbortController().signal, bad.source);
    await stage[Symbol.asyncDispose]();
  });
}

const leavesNothing = <O>(examination: StageExamination<O>): Promise<void> =>
  expectNothingLeft(examination.deadlineMs, () =>
    examination.withStage(async (stage) => void (await examination.position(stage))),
  );

/**
 * What every stage driver must pass; they are to be run in this order. **The stage moves**, within the subject's limits; beyond them
 * only where it may home. Needs no test framework: a test runs each check, a command all of them.
 */
export function stageChecks<Options>(subject: StageSubject<Options>): readonly ConformanceCheck[] {
  const examination = new StageExamination(subject);
  const check = (name: string, run: (examination: StageExamination<Options>) => Promise<void>): ConformanceCheck => ({
    name,
    run: async () => {
      if (subject.signal?.aborted) throw new CytoError("STAGE_STOPPED", "The examination was stopped.");
      await run(examination);
    },
  });
  return [
    check("opens without a move", opensWithoutMoving),
    check("tells what it is, its axes and where it stands", tellsWhatItIs),
    check("heeds an abort that came before it was opened", heedsAbortBeforeOpening),
    ...(subject.badSources ?? []).map((bad) =>
      check(`refuses the bad source ${bad.source ?? "(none)"} by a code`, () => refuses(examination, bad)),
    ),
    check("knows where it is once it was declared, and nothing moves for it", becomesReferenced),
    check("refuses targets outside of the limits, and nothing moves for them", refusesTargets),
    check("heeds an abort that came before a move", heedsAbortBeforeMoving),
    check("can be stopped where it stands", stopsAtRest),
    check("arrives with all axes at once", arrives),
    check("arrives with one axis, and leaves the others where they are", arrivesInPart),
    check("tells where it is on its way, and refuses a second move", refusesSecondMove),
    check("stops on its way and stands", stops),
    check("halts when a move is aborted", heedsAbort),
    check("halts when it is closed on its way, and can be closed twice", haltsWhenClosed),
    check("halts when the signal that it was opened with aborts", haltsWhenAborted),
    ...(subject.homes ? [check("finds its origin, or says that it cannot", homes)] : []),
    check("leaves nothing behind when opened and closed again and again", leavesNothing),
  ];
}

/** Runs all checks, one after the other, whatever fails. **The stage moves.** Never throws. */
export const examineStage = <Options>(
  subject: StageSubject<Options>,
  options?: ExamineOptions,
): Promise<readonly ConformanceResult[]> =>
  runChecks(stageChecks(subject), { ...options, signal: options?.signal ?? subject.signal });
