import { CytoError } from "../../src/core/index.js";
import type { Stage } from "../contract.js";
import {
  type BadSource,
  type ConformanceCheck,
  type ConformanceResult,
  fail,
  leavesNothingOf,
  refusedBy,
  runAll,
} from "./examination.js";
import { at, noMotion, StageExamination, type StageSubject, stands, whileMoving } from "./stageExamination.js";

async function opensWithoutMoving<O>(examination: StageExamination<O>): Promise<void> {
  const before = examination.snapshot();
  await examination.withStage(async (stage) => {
    if (typeof stage.identity !== "string" || stage.identity.trim() === "") fail("It does not tell what it is.");
    if (!stage.axes.includes("x") || !stage.axes.includes("y")) fail("It lacks x or y.", { axes: stage.axes });
    if (new Set(stage.axes).size !== stage.axes.length) fail("It has an axis twice.", { axes: stage.axes });
    if (typeof stage.canHome !== "boolean" || typeof stage.referenced !== "boolean")
      fail("It does not tell whether it can home, or whether it knows where it is.");
    const [first, second] = [await examination.where(stage), await examination.where(stage)];
    if (!at(first, second, stage.axes, examination.toleranceUm))
      fail("It is elsewhere when it is asked again.", { first, second });
    noMotion(examination, before, "Opening");
  });
}

async function goesWhereItShall<O>(examination: StageExamination<O>): Promise<void> {
  const { shortUm, toleranceUm } = examination;
  await examination.withStage(async (stage) => {
    const start = await examination.readyAt(stage);
    const truly = examination.truePlace();
    const both = { x: start.x + shortUm, y: start.y + shortUm / 2 };
    const there = await examination.goes(stage, both);
    const partly = await examination.goes(stage, { y: start.y + shortUm / 4 });
    if (Math.abs(partly.x - there.x) > toleranceUm) fail("An axis that was left out has moved.", { there, partly });
    const now = examination.truePlace();
    if (truly && now) {
      const ways = { x: now.x - truly.x - shortUm, y: now.y - truly.y - shortUm / 4 };
      if (Math.max(Math.abs(ways.x), Math.abs(ways.y)) > toleranceUm)
        fail("The table has not gone as far as it says.", ways);
    }
    await examination.goes(stage, { x: start.x, y: start.y });
  });
}

async function movesItsFocus<O>(examination: StageExamination<O>): Promise<void> {
  const { focusUm } = examination;
  await examination.withStage(async (stage) => {
    if (!stage.axes.includes("z")) {
      await refusedBy("A focus that it lacks", () => stage.moveTo({ z: 0 }), ["STAGE_UNSUPPORTED"]);
      return;
    }
    if (focusUm === 0) return;
    const start = await examination.readyAt(stage);
    const z = start.z ?? 0;
    const there = await examination.goes(stage, { z: z + focusUm });
    if (!at(there, start, ["x", "y"], examination.toleranceUm)) fail("The slide has moved with the focus.");
    await examination.goes(stage, { z });
  });
}

async function refusesBeyondLimits<O>(examination: StageExamination<O>): Promise<void> {
  let start = { x: 0, y: 0 };
  await examination.withStage(async (stage) => {
    start = await examination.readyAt(stage);
  });
  const around = (centre: number) => ({ min: centre - 50, max: centre + 50 });
  const limitsUm = { x: around(start.x), y: around(start.y) };
  await examination.withStage(
    async (stage) => {
      await examination.readyAt(stage);
      const before = examination.snapshot();
      const position = await examination.where(stage);
      const { x, y } = limitsUm;
      const beyond = [
        { x: x.max + 0.1 },
        { x: x.min - 0.1 },
        { x: start.x, y: y.max + 1e6 },
        { y: Number.NaN },
        { x: Number.POSITIVE_INFINITY },
      ];
      for (const target of beyond)
        await refusedBy(`The target ${JSON.stringify(target)}`, () => stage.moveTo(target), ["STAGE_LIMIT"]);
      if (!at(await examination.where(stage), position, stage.axes, examination.toleranceUm))
        fail("It has moved for a target that it refuses.");
      noMotion(examination, before, "A refused target");
    },
    { limitsUm },
  );
}

async function refusesASecondMove<O>(examination: StageExamination<O>): Promise<void> {
  await whileMoving(examination, async ({ stage, start }) => {
    await refusedBy("A second move", () => stage.moveTo({ x: start.x }), ["STAGE_BUSY"]);
    await refusedBy("A declaration while it moves", () => stage.declare(start), ["STAGE_BUSY"]);
    const between = await examination.where(stage);
    if (examination.subject.tellsWhileMoving !== false) {
      const share = (between.x - start.x) / examination.longUm;
      if (share < -0.01 || share > 1.01) fail("While it moves it tells a place beside its way.", { start, between });
    }
    await examination.inTime("Halting", stage.stop());
  });
}

async function stopsAtOnce<O>(examination: StageExamination<O>): Promise<void> {
  await whileMoving(examination, async ({ stage, move }) => {
    await examination.inTime("Halting", stage.stop());
    await refusedBy("A move that was stopped", () => examination.inTime("The stopped move", move), ["STAGE_STOPPED"]);
  });
}

async function stopsWhereItStands<O>(examination: StageExamination<O>): Promise<void> {
  await examination.withStage(async (stage) => {
    const start = await examination.readyAt(stage);
    const before = examination.snapshot();
    await examination.inTime("Halting what stands", stage.stop());
    await examination.inTime("Halting again", stage.stop());
    noMotion(examination, before, "Halting");
    if (!at(await examination.where(stage), start, stage.axes, examination.toleranceUm)) fail("Halting has moved it.");
    await examination.goes(stage, { x: start.x + examination.shortUm });
    await examination.goes(stage, { x: start.x });
  });
}

async function heedsASignal<O>(examination: StageExamination<O>): Promise<void> {
  await whileMoving(examination, async ({ move, abort }) => {
    abort.abort();
    await refusedBy("A move whose signal was aborted", () => examination.inTime("The aborted move", move), [
      "STAGE_STOPPED",
    ]);
  });
  await examination.withStage(async (stage) => {
    const start = await examination.readyAt(stage);
    const before = examination.snapshot();
    const target = { x: start.x + examination.shortUm };
    await refusedBy("A move that was aborted before", () => stage.moveTo(target, AbortSignal.abort()), [
      "STAGE_STOPPED",
    ]);
    noMotion(examination, before, "A move that was aborted before it began");
  });
}

/** Ends the stage in mid-move in some way; opened again, it stands. */
async function haltsWhenGone<O>(
  examination: StageExamination<O>,
  what: string,
  leave: (stage: Stage, abort: AbortController) => Promise<void> | void,
): Promise<void> {
  let start = 0;
  await whileMoving(
    examination,
    async ({ stage, move, open, start: { x } }) => {
      start = x;
      await leave(stage, open);
      await refusedBy(`A move ended by ${what}`, () => examination.inTime(`The move after ${what}`, move), [
        "STAGE_STOPPED",
        "STAGE_DISCONNECTED",
      ]);
      await examination.inTime("Closing", stage[Symbol.asyncDispose]());
      await refusedBy(`A move after ${what}`, () => stage.moveTo({ x: 0 }), undefined);
      await refusedBy(`Asking where it is after ${what}`, () => stage.position(), undefined);
    },
    { stays: false },
  );
  await examination.withStage(async (stage) => {
    await stands(examination, stage);
    const { x } = await examination.readyAt(stage);
    const share = (x - start) / examination.longUm;
    // What counts anew when it is opened is not sent to a place of the old count.
    if (share > 0 && share < 1) await examination.goes(stage, { x: start });
  });
}

const haltsWhenClosed = <O>(examination: StageExamination<O>): Promise<void> =>
  haltsWhenGone(examination, "closing", async (stage) => {
    await examination.inTime("Closing", stage[Symbol.asyncDispose]());
  });

const haltsWhenAborted = <O>(examination: StageExamination<O>): Promise<void> =>
  haltsWhenGone(examination, "its signal", (_, abort) => abort.abort());

async function heedsAbortBeforeOpening<O>(examination: StageExamination<O>): Promise<void> {
  const before = examination.snapshot();
  await refusedByAnything(async () => {
    const stage = await examination.open({ signal: AbortSignal.abort() });
    await stage[Symbol.asyncDispose]();
  });
  noMotion(examination, before, "An opening that was aborted");
}

/** The signal's own reason is thrown on, whatever it is. */
async function refusedByAnything(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof CytoError && error.code === "DRIVER_INVALID") throw error;
    return;
  }
  fail("It opens although it was aborted before.");
}

async function closesTwice<O>(examination: StageExamination<O>): Promise<void> {
  await examination.withStage(async (stage) => {
    const close = () => stage[Symbol.asyncDispose]();
    await examination.inTime("Closing twice", Promise.all([close(), close()]));
    await examination.inTime("Closing again", close());
  });
}

async function isDeclared<O>(examination: StageExamination<O>): Promise<void> {
  await examination.withStage(async (stage) => {
    const before = examination.snapshot();
    const start = await examination.where(stage);
    const elsewhere = { ...start, x: start.x + 100, y: start.y - 100 };
    for (const place of [elsewhere, start]) {
      await examination.inTime("Declaring where it stands", stage.declare(place));
      if (!stage.referenced) fail("It does not take its declared place for its own.");
      const told = await examination.where(stage);
      if (!at(told, place, stage.axes, examination.toleranceUm))
        fail("It tells another place than was declared.", { place, told });
    }
    noMotion(examination, before, "Declaring where it stands");
  });
}

async function homes<O>(examination: StageExamination<O>): Promise<void> {
  await examination.withStage(async (stage) => {
    if (!stage.canHome) {
      const before = examination.snapshot();
      await refusedBy("Homing without switches", () => stage.home(), ["STAGE_UNSUPPORTED"]);
      noMotion(examination, before, "Homing without switches");
      return;
    }
    if (examination.subject.mayHome !== true) return;
    const origin = await examination.inTime("Homing", stage.home());
    if (!stage.referenced) fail("It does not know where it is after homing.");
    if (!at(await examination.where(stage), origin, stage.axes, examination.toleranceUm))
      fail("It is elsewhere than homing told.");
    await stands(examination, stage);
  });
}

async function refuses<O>(examination: StageExamination<O>, bad: BadSource): Promise<void> {
  const before = examination.snapshot();
  const opening = async (): Promise<void> => {
    const stage = await examination.open({ source: bad.source });
    await stage[Symbol.asyncDispose]();
  };
  await refusedBy(`The bad source ${String(bad.source)}`, opening, bad.codes);
  noMotion(examination, before, "A bad source");
}

async function leavesNothing<O>(examination: StageExamination<O>): Promise<void> {
  const before = examination.snapshot();
  const round = () => examination.withStage(async (stage) => void (await examination.where(stage)));
  await leavesNothingOf(round, examination.deadlineMs);
  noMotion(examination, before, "Opening again and again");
}

/** What every stage driver must pass. Needs no test framework: a test runs each check, a command all of them. */
export function stageChecks<Options>(subject: StageSubject<Options>): readonly ConformanceCheck[] {
  const examination = new StageExamination(subject);
  const check = (name: string, run: (examination: StageExamination<Options>) => Promise<void>): ConformanceCheck => ({
    name,
    run: () => run(examination),
  });
  return [
    check("opens without moving, and tells what it is and where", opensWithoutMoving),
    check("goes where it shall, and only the axes that shall", goesWhereItShall),
    check("moves its focus, or says that it has none", movesItsFocus),
    check("refuses targets outside of the limits without moving", refusesBeyondLimits),
    check("refuses a second move while it moves, and is asked where it is", refusesASecondMove),
    check("halts when it is stopped, and stands", stopsAtOnce),
    check("may be stopped where it stands, and moves on", stopsWhereItStands),
    check("heeds a move's signal, aborted in mid-move or before", heedsASignal),
    check("halts when it is closed", haltsWhenClosed),
    check("halts and closes when the signal that it was opened with is aborted", haltsWhenAborted),
    check("heeds an abort that came before it was opened", heedsAbortBeforeOpening),
    check("can be closed twice, at the same time and after", closesTwice),
    check("takes the place that is declared, without moving", isDeclared),
    check("homes where it can and may, and says so where it cannot", homes),
    ...(subject.badSources ?? []).map((bad) =>
      check(`refuses the bad source ${bad.source ?? "(none)"} by a code`, (examination) => refuses(examination, bad)),
    ),
    check("leaves nothing behind when opened and closed again and again", leavesNothing),
  ];
}

/** Runs all checks, one after the other, whatever fails; the stage moves. Never throws. */
export const examineStage = <Options>(
  subject: StageSubject<Options>,
  tell?: (result: ConformanceResult) => void,
): Promise<readonly ConformanceResult[]> => runAll(stageChecks(subject), tell);
