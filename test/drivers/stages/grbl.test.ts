import { setTimeout as delay } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import type { Stage } from "../../../drivers/contract.js";
import { driver } from "../../../drivers/stages/grbl/driver.js";
import { parseStatus } from "../../../drivers/stages/grbl/protocol.js";
import type { CytoError } from "../../../src/core/index.js";
import { patient } from "./controllers.js";
import { GrblFirmware, type GrblFirmwareOptions } from "./emulators/grbl.js";
import { EmulatedPort, needsSocat, socatThere } from "./emulators/pty.js";

interface Bench {
  readonly stage: Stage;
  readonly firmware: GrblFirmware;
  readonly faults: CytoError[];
  reopen(): Promise<Stage>;
}

const withStage = async (
  given: GrblFirmwareOptions,
  use: (bench: Bench) => Promise<void>,
  options: object = patient,
): Promise<void> => {
  const firmware = new GrblFirmware(given);
  await using port = await EmulatedPort.open(firmware);
  const faults: CytoError[] = [];
  const opened: Stage[] = [];
  const open = async (): Promise<Stage> => {
    const stage = await driver.open({
      source: port.path,
      options: driver.manifest.options.parse(options),
      limitsUm: {},
      signal: new AbortController().signal,
      onFault: (fault) => void faults.push(fault),
    });
    opened.push(stage);
    return stage;
  };
  try {
    await use({ stage: await open(), firmware, faults, reopen: open });
  } finally {
    for (const stage of opened) await stage[Symbol.asyncDispose]();
  }
};

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "done",
    (error: CytoError) => error.code,
  );

describe("a status report of GRBL", () => {
  it("tells state and machine position, whichever it reports", () => {
    expect(parseStatus("<Run|MPos:-59.452,-10.000,0.000|FS:1000,0>", false)).toMatchObject({
      state: "Run",
      placeMm: { x: -59.452, y: -10, z: 0 },
    });
    const known = { x: 1, y: 2, z: 3 };
    expect(parseStatus("<Idle|WPos:10.000,20.000,30.000|FS:0,0>", false, known)?.placeMm).toEqual({
      x: 11,
      y: 22,
      z: 33,
    });
    expect(parseStatus("<Idle|WPos:1,1,1|FS:0,0>", false)?.placeMm).toBeUndefined();
    expect(parseStatus("<Hold:0|MPos:1.0000,0,0|Ov:100,100,100>", true)?.placeMm?.x).toBeCloseTo(25.4);
    expect(parseStatus("<Alarm|MPos:0.000,-1.000,-1.000|FS:0,0|Pn:X|WCO:0.000,0.000,0.000>", false)?.state).toBe(
      "Alarm",
    );
  });

  it("is never made of noise", () => {
    const line = "<Idle|MPos:1.000,2.000,3.000|FS:0,0>";
    fc.assert(
      fc.property(fc.nat(line.length - 1), fc.integer({ min: 0, max: 255 }), (at, byte) => {
        const spoilt = line.slice(0, at) + String.fromCharCode(byte) + line.slice(at + 1);
        const found = parseStatus(spoilt, false)?.placeMm;
        if (found !== undefined) for (const value of Object.values(found)) expect(Number.isFinite(value)).toBe(true);
      }),
    );
    fc.assert(fc.property(fc.string(), (text) => parseStatus(text, false) === undefined || /^\s*<.*>\s*$/.test(text)));
  });
});

describe.skipIf(!socatThere)(`GRBL as the real firmware behaves (${needsSocat})`, () => {
  it("wakes locked, is homed through its silence, and then goes where it shall", async () => {
    await withStage({}, async ({ stage, firmware, faults }) => {
      expect(stage.identity).toBe("Grbl 1.1h");
      expect([stage.referenced, stage.canHome]).toEqual([false, true]);
      expect(await codeOf(stage.moveTo({ x: -5000 }))).toBe("STAGE_REFUSED");
      expect(firmware.motors.moves).toEqual([]);
      expect(await stage.home()).toEqual({ x: -1000, y: -1000, z: -1000 });
      expect(stage.referenced).toBe(true);
      expect(await stage.moveTo({ x: -12_345, y: -20_000 })).toEqual({ x: -12_345, y: -20_000, z: -1000 });
      expect(faults).toEqual([]);
    });
  });

  it("keeps its steps when it is stopped, and moves on", async () => {
    await withStage({ settings: { 22: 0 }, timeFactor: 0.2 }, async ({ stage, firmware, faults }) => {
      const way = codeOf(stage.moveTo({ x: 90_000 }));
      while (!firmware.motors.anyMoves) await delay(2);
      await stage.stop();
      expect(await way).toBe("STAGE_STOPPED");
      expect(firmware.state).toBe("Idle");
      const { x } = await stage.position();
      expect(x).toBe(firmware.motors.counter("x"));
      expect((await stage.moveTo({ x: x + 50 })).x).toBe(x + 50);
      expect(faults).toEqual([]);
    });
  });

  it("is lost where it refuses a move for its own limits, and comes back locked", async () => {
    await withStage({ settings: { 20: 1 } }, async ({ stage, firmware, faults, reopen }) => {
      await stage.home();
      const moves = firmware.motors.moves.length;
      expect(await codeOf(stage.moveTo({ x: -500_000 }))).toBe("STAGE_ALARM");
      expect(faults.map(({ code }) => code)).toEqual(["STAGE_ALARM"]);
      expect(firmware.motors.moves.length).toBe(moves);
      await stage[Symbol.asyncDispose]();
      const again = await reopen();
      expect(again.referenced).toBe(false);
      await again.home();
      expect(again.referenced).toBe(true);
    });
  });

  it("tells of a limit switch that is hit on the way", async () => {
    await withStage({ settings: { 22: 0 }, timeFactor: 0.2 }, async ({ stage, firmware, faults }) => {
      const way = codeOf(stage.moveTo({ x: 90_000 }));
      while (!firmware.motors.anyMoves) await delay(2);
      firmware.hitLimit();
      expect(["STAGE_ALARM", "STAGE_SILENT"]).toContain(await way);
      expect(faults).toHaveLength(1);
      expect(firmware.motors.anyMoves).toBe(false);
    });
  });

  it("does not believe its place any more when its controller was started anew", async () => {
    await withStage({ settings: { 22: 0 } }, async ({ stage, firmware, faults, reopen }) => {
      await stage.declare({ x: 0, y: 0, z: 0 });
      await stage.moveTo({ x: 500 });
      const moves = firmware.motors.moves.length;
      firmware.startAnew();
      await vi.waitFor(() => expect(faults.map(({ code }) => code)).toEqual(["STAGE_UNREFERENCED"]));
      expect(await codeOf(stage.moveTo({ x: 600 }))).toBe("STAGE_UNREFERENCED");
      expect((await reopen()).referenced).toBe(false);
      expect(firmware.motors.moves.length).toBe(moves);
    });
  });

  it("ends a move that a program before it began, and keeps the steps", async () => {
    const firmware = new GrblFirmware({ settings: { 22: 0 }, timeFactor: 0.2 });
    await using port = await EmulatedPort.open(firmware);
    firmware.receive(Buffer.from("G0X50\n"));
    await using stage = await driver.open({
      source: port.path,
      options: driver.manifest.options.parse(patient),
      limitsUm: {},
      signal: new AbortController().signal,
    });
    expect(firmware.motors.anyMoves).toBe(false);
    const { x } = await stage.position();
    expect(x).toBeCloseTo(firmware.motors.counter("x"), 6);
    expect(x).toBeLessThan(50_000);
    expect(firmware.state).toBe("Idle");
  });

  it("is halted when it says nothing in mid-move, and lost when it stays silent", async () => {
    await withStage(
      { settings: { 22: 0 }, timeFactor: 0.2 },
      async ({ stage, firmware, faults }) => {
        const way = codeOf(stage.moveTo({ x: 90_000 }));
        while (!firmware.motors.anyMoves) await delay(2);
        firmware.send = () => undefined;
        expect(await way).toBe("STAGE_SILENT");
        expect(firmware.motors.anyMoves).toBe(false);
        expect(firmware.motors.haltedAtMs).toBeGreaterThan(0);
        expect(faults.map(({ code }) => code)).toEqual(["STAGE_SILENT"]);
      },
      { replyTimeoutMs: 150 },
    );
  });

  it("is halted, and not lost, where it answers again", async () => {
    await withStage(
      { settings: { 22: 0 }, timeFactor: 0.2 },
      async ({ stage, firmware, faults }) => {
        await stage.declare({ x: 0, y: 0, z: 0 });
        const way = codeOf(stage.moveTo({ x: 90_000 }));
        while (!firmware.motors.anyMoves) await delay(2);
        const { send } = firmware;
        firmware.send = () => undefined;
        await vi.waitFor(() => expect(firmware.state).toBe("Hold"));
        firmware.send = send;
        expect(await way).toBe("STAGE_SILENT");
        expect([faults.length, stage.referenced]).toEqual([0, true]);
        const { x } = await stage.position();
        expect(x).toBe(firmware.motors.counter("x"));
        expect((await stage.moveTo({ x: x + 50 })).x).toBe(x + 50);
      },
      { replyTimeoutMs: 150 },
    );
  });
});
