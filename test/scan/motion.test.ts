import { setTimeout as delay } from "node:timers/promises";
import fc from "fast-check";
import { filter, firstValueFrom } from "rxjs";
import { describe, expect, it } from "vitest";
import { mountedStage } from "../../drivers/cameras/virtual/microscope.js";
import type { Stage, StageDriver, StageOpenRequest, StagePositionUm, StageTargetUm } from "../../drivers/index.js";
import { driver as virtual } from "../../drivers/stages/virtual/driver.js";
import { CytoError, type ErrorCode } from "../../src/core/index.js";
import { openStageControl, type StageControl } from "../../src/scan/index.js";
import { approach } from "../../src/scan/motion/approach.js";
import { initialMotion, type MotionEvent, reduceMotion, statusOf } from "../../src/scan/motion/state.js";

const noPlay = { x: 0, y: 0, z: 0 };

const control = (driver: StageDriver, given: Partial<Parameters<typeof openStageControl>[0]> = {}): StageControl =>
  openStageControl({
    driver,
    source: undefined,
    options: undefined,
    limitsUm: {},
    backlashUm: noPlay,
    openTimeoutMs: 5000,
    moveTimeoutMs: 5000,
    reconnect: { initialDelayMs: 1, maxDelayMs: 5 },
    random: () => 0.5,
    ...given,
  });

const until = (stage: StageControl, state: string) =>
  firstValueFrom(stage.status$.pipe(filter((status) => status.state === state)));

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "done",
    (error: unknown) => CytoError.from(error).code,
  );

/** A stage by script: it goes at once, or hangs; tells of faults when asked; and remembers all that reached it. */
class ScriptedStage implements Stage {
  readonly axes = ["x", "y", "z"] as const;
  readonly canHome = true;
  readonly identity = "script";
  referenced = true;
  place: StagePositionUm = { x: 0, y: 0, z: 0 };
  hangs = false;
  closed = 0;
  #end: ((error: CytoError) => void) | undefined;

  constructor(
    readonly request: StageOpenRequest,
    readonly told: string[],
  ) {}

  async position(): Promise<StagePositionUm> {
    return this.place;
  }

  moveTo(target: StageTargetUm, signal?: AbortSignal): Promise<StagePositionUm> {
    this.told.push(`move ${JSON.stringify(target)}`);
    if (!this.hangs) {
      this.place = { ...this.place, ...target };
      return Promise.resolve(this.place);
    }
    return new Promise((_, reject) => {
      this.#end = reject;
      signal?.addEventListener("abort", () => void this.stop());
    });
  }

  async home(): Promise<StagePositionUm> {
    this.told.push("home");
    this.referenced = true;
    this.place = { x: 0, y: 0, z: 0 };
    return this.place;
  }

  async declare(position: StagePositionUm): Promise<void> {
    this.told.push("declare");
    this.place = { ...this.place, ...position };
  }

  async stop(): Promise<void> {
    this.told.push("stop");
    this.#end?.(new CytoError("STAGE_STOPPED", "stopped"));
  }

  lose(code: ErrorCode): void {
    const fault = new CytoError(code, "lost");
    this.#end?.(fault);
    this.request.onFault?.(fault);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closed++;
  }
}

const scripted = () => {
  const told: string[] = [];
  const stages: ScriptedStage[] = [];
  let refusal: ErrorCode | undefined;
  const driver: StageDriver = {
    manifest: { ...virtual.manifest, name: "script" },
    open: async (request) => {
      told.push("open");
      if (refusal !== undefined) throw new CytoError(refusal, "not now");
      const stage = new ScriptedStage(request, told);
      stages.push(stage);
      return stage;
    },
  };
  return { driver, told, stages, refuse: (code?: ErrorCode) => (refusal = code) };
};

describe("a stage that is kept open", () => {
  it("tells its position, moves, and refuses what lies outside before anything is sent", async () => {
    const { driver, told } = scripted();
    await using stage = control(driver, { limitsUm: { x: { min: 0, max: 100 } } });
    expect(stage.status.state).toBe("opening");
    expect(await codeOf(stage.moveTo({ x: 1 }))).toBe("STAGE_DISCONNECTED");
    await until(stage, "ready");
    expect(stage.hasFocus).toBe(true);
    expect(await stage.moveTo({ x: 50 })).toMatchObject({ x: 50, y: 0 });
    for (const x of [-1, 101, Number.NaN, Number.POSITIVE_INFINITY])
      expect(await codeOf(stage.moveTo({ x }))).toBe("STAGE_LIMIT");
    expect(told).toEqual(["open", 'move {"x":50}']);
  });

  it("takes its play up by coming from one side", async () => {
    const { driver, told } = scripted();
    await using stage = control(driver, { backlashUm: { x: 20, y: 0, z: 0 }, limitsUm: { x: { min: 0, max: 1000 } } });
    await until(stage, "ready");
    await stage.moveTo({ x: 500, y: 9 });
    await stage.moveTo({ x: 600 });
    await stage.moveTo({ x: 600 });
    await stage.moveTo({ x: 590 });
    expect(await codeOf(stage.moveTo({ x: 10 }))).toBe("STAGE_LIMIT");
    expect(told.slice(1)).toEqual([
      'move {"x":500,"y":9}',
      'move {"x":600}',
      'move {"x":600}',
      'move {"x":560}',
      'move {"x":590}',
    ]);
  });

  it("that is lost comes back, stands still, and does not know where it is until it is told or homed", async () => {
    const { driver, told, stages } = scripted();
    const faults: string[] = [];
    await using stage = control(driver, { onFault: ({ code }) => faults.push(code) });
    await until(stage, "ready");
    stages[0]!.hangs = true;
    const moving = codeOf(stage.moveTo({ x: 70 }));
    await until(stage, "moving");
    expect(await codeOf(stage.moveTo({ x: 1 }))).toBe("STAGE_BUSY");
    stages[0]!.lose("STAGE_DISCONNECTED");
    expect(await moving).toBe("STAGE_DISCONNECTED");
    await firstValueFrom(stage.status$.pipe(filter(({ state }) => state === "ready" && stages.length === 2)));
    expect(faults).toEqual(["STAGE_DISCONNECTED"]);
    expect(stages[0]!.closed).toBe(1);
    expect(stage.status.referenced).toBe(false);
    expect(await codeOf(stage.moveTo({ x: 1 }))).toBe("STAGE_UNREFERENCED");
    expect(told.filter((line) => line.startsWith("move"))).toEqual(['move {"x":70}']);
    await stage.home();
    expect(await stage.moveTo({ x: 2 })).toMatchObject({ x: 2 });
  });

  it("that is stopped moves no more before it is released", async () => {
    const { driver, told, stages } = scripted();
    await using stage = control(driver);
    await until(stage, "ready");
    stages[0]!.hangs = true;
    const moving = codeOf(stage.moveTo({ x: 70 }));
    await until(stage, "moving");
    await stage.stop();
    expect(await moving).toBe("STAGE_STOPPED");
    expect(told.at(-1)).toBe("stop");
    stages[0]!.hangs = false;
    expect(await codeOf(stage.moveTo({ x: 1 }))).toBe("STAGE_STOPPED");
    expect(await codeOf(stage.home())).toBe("STAGE_STOPPED");
    stage.release();
    expect(await codeOf(stage.moveTo({ x: 1 }))).toBe("done");
  });

  it("that does not arrive in time, or whose move is withdrawn, is halted", async () => {
    const { driver, told, stages } = scripted();
    await using stage = control(driver, { moveTimeoutMs: 20 });
    await until(stage, "ready");
    stages[0]!.hangs = true;
    expect(await codeOf(stage.moveTo({ x: 70 }))).toBe("STAGE_SILENT");
    expect(told.at(-1)).toBe("stop");
    const abort = new AbortController();
    const moving = codeOf(stage.moveTo({ x: 70 }, abort.signal));
    abort.abort();
    expect(await moving).toBe("STAGE_STOPPED");
    expect(stage.status.state).toBe("ready");
  });

  it("is tried again where that may help, and given up where it cannot", async () => {
    const { driver, told, refuse } = scripted();
    refuse("STAGE_PORT_NOT_FOUND");
    await using stage = control(driver);
    await until(stage, "reconnecting");
    await firstValueFrom(stage.status$.pipe(filter(() => told.length >= 3)));
    refuse();
    await until(stage, "ready");
    const other = scripted();
    other.refuse("STAGE_WRONG_DEVICE");
    await using wrong = control(other.driver);
    expect((await until(wrong, "failed")).failure?.code).toBe("STAGE_WRONG_DEVICE");
    expect(other.told).toEqual(["open"]);
  });

  it("is halted and closed with its owner, whatever it is at", async () => {
    const { driver, told, stages } = scripted();
    const stage = control(driver);
    await until(stage, "ready");
    stages[0]!.hangs = true;
    const moving = codeOf(stage.moveTo({ x: 70 }));
    await stage[Symbol.asyncDispose]();
    expect(await moving).toBe("STAGE_STOPPED");
    expect([told.includes("stop"), stages[0]!.closed]).toEqual([true, 1]);
    const never = control(driver);
    await never[Symbol.asyncDispose]();
    await delay(20);
    expect(stages.every(({ closed }) => closed === 1)).toBe(true);
  });
});

describe("the virtual stage under a control", () => {
  it("comes to the same place from wherever it came, play or not", async () => {
    const options = virtual.manifest.options.parse({
      microscope: "motion",
      backlashUm: { x: 20, y: 15 },
      rotationDegrees: 2,
      referenced: true,
      speedUmPerS: 1e7,
      accelerationUmPerS2: 1e10,
    });
    await using stage = control(virtual, { options, backlashUm: { x: 20, y: 15, z: 0 } });
    await until(stage, "ready");
    const seen: { x: number; y: number }[] = [];
    for (const away of [
      { x: 100, y: 100 },
      { x: 3000, y: 2500 },
      { x: 990, y: 2100 },
    ]) {
      await stage.moveTo(away);
      await stage.moveTo({ x: 1000, y: 2000 });
      seen.push(mountedStage("motion")!.placeUm());
    }
    for (const place of seen) {
      expect(place.x).toBeCloseTo(seen[0]!.x, 6);
      expect(place.y).toBeCloseTo(seen[0]!.y, 6);
    }
  });
});

const eventArbitrary: fc.Arbitrary<MotionEvent> = fc.oneof(
  fc.record({
    type: fc.constant("opened" as const),
    referenced: fc.boolean(),
    positionUm: fc.constant({ x: 1, y: 2 }),
  }),
  fc.record({
    type: fc.constant("lost" as const),
    error: fc.constant(new CytoError("STAGE_DISCONNECTED", "lost")),
    final: fc.boolean(),
  }),
  fc.record({ type: fc.constant("began" as const), work: fc.constantFrom("moving" as const, "homing" as const) }),
  fc.record({ type: fc.constant("ended" as const), referenced: fc.boolean(), positionUm: fc.constant({ x: 3, y: 4 }) }),
  fc.record({ type: fc.constant("at" as const), positionUm: fc.constant({ x: 5, y: 6 }) }),
  fc.record({ type: fc.constant("declared" as const), positionUm: fc.constant({ x: 0, y: 0 }) }),
  fc.constantFrom({ type: "stopped" as const }, { type: "released" as const }),
);

describe("what is known of a stage", () => {
  it("is never that a lost one knows its place, or that a stopped one may move", () => {
    fc.assert(
      fc.property(fc.array(eventArbitrary, { maxLength: 60 }), (events) => {
        let state = initialMotion;
        let latched = false;
        let unsure = false;
        for (const event of events) {
          const taught =
            state.link === "open" && (event.type === "declared" || (event.type === "ended" && state.work === "homing"));
          state = reduceMotion(state, event);
          latched = event.type === "stopped" || (latched && event.type !== "released");
          unsure = event.type === "lost" || (unsure && !taught);
          const status = statusOf(state);
          const expected = state.link === "open" ? [latched ? "stopped" : status.state] : [state.link];
          expect(expected).toContain(status.state);
          expect(unsure && status.referenced).toBe(false);
          expect(["reconnecting", "failed"].includes(state.link) && status.positionUm !== undefined).toBe(false);
        }
      }),
    );
  });

  it("is a way whose every axis with play ends rising, within the limits", () => {
    const place = fc.record({ x: fc.integer({ min: 0, max: 1000 }), y: fc.integer({ min: 0, max: 1000 }) });
    fc.assert(
      fc.property(
        fc.array(place, { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 60 }),
        (targets, play) => {
          const playUm = { x: play, y: play, z: 0 };
          const limitsUm = { x: { min: 0, max: 1000 }, y: { min: 0, max: 1000 } };
          let now = { x: 0, y: 0 };
          let approached = {};
          // Behind each axis a table that lags by the play.
          const table = { x: -play / 2, y: -play / 2 };
          for (const target of targets) {
            let way: ReturnType<typeof approach>;
            try {
              way = approach(target, { now, approached, playUm, limitsUm });
            } catch (error) {
              expect(CytoError.from(error).code).toBe("STAGE_LIMIT");
              expect(Math.min(target.x, target.y)).toBeLessThan(1.5 * play);
              continue;
            }
            for (const leg of way.legs) {
              expect(leg.x).toBeGreaterThanOrEqual(0);
              now = { ...now, ...(leg as { x: number; y: number }) };
              for (const axis of ["x", "y"] as const)
                table[axis] = Math.min(Math.max(table[axis], now[axis] - play / 2), now[axis] + play / 2);
            }
            approached = way.approached;
            expect(now).toEqual(target);
            for (const axis of ["x", "y"] as const) expect(table[axis]).toBeCloseTo(target[axis] - play / 2, 9);
          }
        },
      ),
    );
  });
});
