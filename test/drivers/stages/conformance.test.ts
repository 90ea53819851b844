import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { mountedStage } from "../../../drivers/cameras/virtual/microscope.js";
import {
  type ConformanceCheck,
  examineStage,
  type StageSubject,
  stageChecks,
} from "../../../drivers/conformance/index.js";
import type { Stage, StageAxis, StageDriver } from "../../../drivers/contract.js";
import { driver as virtual } from "../../../drivers/stages/virtual/driver.js";
import { type ControllerCase, controllerCases, driverOf, patient } from "./controllers.js";
import type { LineFirmware } from "./emulators/lineFirmware.js";
import { EmulatedPort, needsSocat, socatThere } from "./emulators/pty.js";

const limitsUm = { x: { min: 0, max: 2000 }, y: { min: 100, max: 2100 }, z: { min: 0, max: 200 } };

const virtualSubject = (): StageSubject & { readonly driver: typeof virtual } => {
  const microscope = randomUUID();
  return {
    driver: virtual,
    options: { microscope, speedUmPerS: 2000, accelerationUmPerS2: 1e6 },
    source: undefined,
    limitsUm: { ...limitsUm, z: { min: -50, max: 50 } },
    homes: true,
    probe: { placeUm: () => mountedStage(microscope)?.placeUm() },
    badSources: [{ source: "/dev/ttyUSB0", codes: ["STAGE_PORT_NOT_FOUND"] }],
  };
};

describe("the virtual stage", () => {
  for (const { name, run } of stageChecks(virtualSubject())) it(name, run);
});

/** Speed at which the longest moves last long enough to be halted, whatever else the machine does, um/s. */
const speedUmPerS = 1000;

/** Its controller stands in the middle of its travel, which is a little wider than the limits. */
const emulated = ({ firmware, umPerStep }: ControllerCase): LineFirmware => {
  const steps = (axis: StageAxis) => 2 * Math.round(1200 / umPerStep[axis]);
  const travel = { x: steps("x"), y: steps("y"), z: steps("z") };
  return firmware({ timeFactor: 1, speed: speedUmPerS / umPerStep.x, travel });
};

const emulatedSubject = async (
  { name, options, umPerStep }: ControllerCase,
  { path, firmware: { motors } }: EmulatedPort,
): Promise<StageSubject> => ({
  driver: await driverOf(name),
  source: path,
  options: { ...patient, ...options },
  limitsUm,
  homes: true,
  probe: {
    moves: () => motors.moves.length,
    placeUm: () => ({
      x: motors.place("x") * umPerStep.x,
      y: motors.place("y") * umPerStep.y,
      z: motors.place("z") * umPerStep.z,
    }),
  },
  badSources: [
    { source: "/dev/no-such-port", codes: ["STAGE_PORT_NOT_FOUND"] },
    { source: undefined, codes: ["STAGE_PORT_NOT_FOUND"] },
    { source: "/dev/null", codes: ["STAGE_PORT_NOT_FOUND", "STAGE_PORT_DENIED"] },
  ],
});

const failuresOf = async (checks: readonly ConformanceCheck[]): Promise<readonly string[]> => {
  const failures: string[] = [];
  for (const { name, run } of checks) await run().catch((error: Error) => failures.push(`${name}: ${error.message}`));
  return failures;
};

const isOfProcess = ({ name }: ConformanceCheck): boolean => name.startsWith("leaves nothing behind");

describe.skipIf(!socatThere)(`emulated controllers (${needsSocat})`, () => {
  it.concurrent.each(controllerCases)("$name conforms, and stays within the limits", async (subject) => {
    await using port = await EmulatedPort.open(emulated(subject));
    const { motors } = port.firmware;
    const checks = stageChecks(await emulatedSubject(subject, port)).filter((check) => !isOfProcess(check));
    expect(await failuresOf(checks)).toEqual([]);
    const beyond = motors.moves.filter(({ axis, to }) => {
      const wayUm = Math.abs(to - motors.travel[axis] / 2) * subject.umPerStep[axis];
      return wayUm > (limitsUm[axis].max - limitsUm[axis].min) / 2 + 2;
    });
    // Those to the switches, at last.
    expect(beyond).toEqual(subject.homesAt === undefined ? [] : motors.moves.slice(-2));
  });

  // What the process holds is seen with one at a time only.
  it.each(controllerCases)("$name leaves nothing behind", async (subject) => {
    await using port = await EmulatedPort.open(emulated(subject));
    const checks = stageChecks(await emulatedSubject(subject, port)).filter(isOfProcess);
    expect(checks).toHaveLength(1);
    expect(await failuresOf(checks)).toEqual([]);
    expect(port.firmware.motors.moves).toEqual([]);
  });
});

/** A virtual stage with something about it changed. */
const spoilt = async (change: (stage: Stage) => Partial<Stage>, more: object = {}): Promise<readonly string[]> => {
  const subject = virtualSubject();
  const driver: StageDriver = {
    manifest: virtual.manifest,
    async open(request) {
      const stage = await virtual.open(request as Parameters<typeof virtual.open>[0]);
      const changes = change(stage);
      return new Proxy(stage, {
        get: (target, key) => {
          const value = Reflect.get(key in changes ? changes : target, key) as unknown;
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
    },
  };
  const results = await examineStage({ ...subject, driver, deadlineMs: 1500, ...more });
  return results.filter(({ error }) => error !== undefined).map(({ name }) => name);
};

describe("conformance of stages", () => {
  it.concurrent("finds a stage that moves when it is opened, and one that goes astray", async () => {
    const opening = await spoilt((stage) => {
      void stage.moveTo({ x: 300 }).catch(() => undefined);
      return {};
    });
    expect(opening).toContain("opens without a move");
    const astray = await spoilt((stage) => ({
      moveTo: ({ x, ...others }, signal) =>
        stage.moveTo({ ...others, ...(x === undefined ? {} : { x: x + 5 }) }, signal),
    }));
    expect(astray).toContain("arrives with all axes at once");
  });

  it.concurrent("finds a stage that does not stop, and moves it no more when it does not know where it is", async () => {
    const failed = await spoilt((stage) => ({
      stop: async () => undefined,
      moveTo: (target) => stage.moveTo(target),
    }));
    for (const name of ["stops on its way and stands", "halts when a move is aborted"]) expect(failed).toContain(name);
    let stopFailed = false;
    let movedAfterwards = 0;
    const lost = await spoilt((stage) => ({
      stop: () => {
        stopFailed = true;
        return Promise.reject(new Error("no"));
      },
      moveTo: (target, signal) => {
        if (stopFailed) movedAfterwards++;
        return stage.moveTo(target, signal);
      },
      home: (signal) => {
        movedAfterwards++;
        return stage.home(signal);
      },
    }));
    expect(lost).toContain("can be stopped where it stands");
    expect(lost).toContain("arrives with all axes at once");
    expect(movedAfterwards).toBe(0);
  });

  it.concurrent("finds a stage without limits, and one that takes two moves", async () => {
    const failed = await spoilt((stage) => ({ moveTo: (_, signal) => stage.moveTo({ x: 1050 }, signal) }));
    expect(failed).toContain("refuses targets outside of the limits, and nothing moves for them");
    const twice = await spoilt((stage) => ({
      moveTo: (target, signal) => stage.moveTo(target, signal).catch(() => stage.position()),
    }));
    expect(twice).toContain("tells where it is on its way, and refuses a second move");
  });

  it.concurrent("moves nothing where the stage stands outside of the limits, or they are too narrow", async () => {
    for (const more of [
      {
        options: { microscope: randomUUID(), referenced: true },
        limitsUm: { x: { min: 500, max: 900 }, y: limitsUm.y },
      },
      { limitsUm: { x: { min: 0, max: 10 }, y: limitsUm.y } },
    ]) {
      let moves = 0;
      const failed = await spoilt(
        () => ({
          moveTo: () => {
            moves++;
            return Promise.reject(new Error("it moves"));
          },
        }),
        { homes: false, ...more },
      );
      expect(failed).toContain("arrives with all axes at once");
      expect(moves).toBe(0);
    }
  });

  it.concurrent("is left at once, with the stage halted, when its signal aborts", async () => {
    const abort = new AbortController();
    const subject = { ...virtualSubject(), signal: abort.signal };
    const results = await examineStage(subject, {
      onResult: ({ name }) => name.startsWith("refuses targets") && abort.abort(),
    });
    expect(results.at(-1)?.name).toMatch(/^refuses targets/);
    expect(results.length).toBeLessThan(stageChecks(subject).length);
  });
});
