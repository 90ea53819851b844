import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it, vi } from "vitest";
import type { Stage, StageLimitsUm } from "../../../drivers/contract.js";
import type { CytoError } from "../../../src/core/index.js";
import { type ControllerCase, controllerCases, driverOf, patient } from "./controllers.js";
import { AsiFirmware } from "./emulators/asi.js";
import type { LineFirmware } from "./emulators/lineFirmware.js";
import { PriorFirmware } from "./emulators/prior.js";
import { EmulatedPort, needsSocat, socatThere } from "./emulators/pty.js";
import { SangaboardFirmware } from "./emulators/sangaboard.js";
import { TangoFirmware } from "./emulators/tango.js";
import { ZaberFirmware } from "./emulators/zaber.js";

interface Bench {
  readonly stage: Stage;
  readonly port: EmulatedPort;
  readonly firmware: LineFirmware;
  readonly faults: CytoError[];
  readonly abort: AbortController;
}

async function withStage(
  { name, firmware, options }: Pick<ControllerCase, "name" | "firmware" | "options">,
  use: (bench: Bench) => Promise<void>,
  limitsUm: StageLimitsUm = {},
): Promise<void> {
  await using port = await EmulatedPort.open(firmware());
  const driver = await driverOf(name);
  const abort = new AbortController();
  const faults: CytoError[] = [];
  const stage = await driver.open({
    source: port.path,
    options: driver.manifest.options.parse({ ...patient, ...options }),
    limitsUm,
    signal: abort.signal,
    onFault: (fault) => void faults.push(fault),
  });
  try {
    await use({ stage, port, firmware: port.firmware, faults, abort });
  } finally {
    await stage[Symbol.asyncDispose]();
  }
}

const codeOf = (work: Promise<unknown>): Promise<string | undefined> =>
  work.then(
    () => undefined,
    (error: CytoError) => error.code,
  );

describe.skipIf(!socatThere)(`stages against emulators of their controllers (${needsSocat})`, () => {
  describe.each(controllerCases)("$name", (subject) => {
    /** So slow that no move ends by itself. */
    const slow: ControllerCase = { ...subject, firmware: () => subject.firmware({ timeFactor: 0.1 }) };

    it("is opened without a move, and tells what it is", async () => {
      await withStage(subject, async ({ stage, firmware }) => {
        expect(stage.identity).not.toBe("");
        expect(stage.axes).toEqual(["x", "y", "z"]);
        expect(stage.referenced).toBe(false);
        expect(Object.keys(await stage.position())).toEqual(["x", "y", "z"]);
        expect(firmware.motors.moves).toEqual([]);
      });
    });

    it("goes where it shall, and its motors go as far as it says", async () => {
      await withStage(subject, async ({ stage, firmware }) => {
        await stage.declare({ x: 1000, y: 2000, z: 50 });
        expect(stage.referenced).toBe(true);
        const before = { x: firmware.motors.place("x"), y: firmware.motors.place("y"), z: firmware.motors.place("z") };
        const { x, y, z } = subject.umPerStep;
        const there = await stage.moveTo({ x: 1500, y: 1800 });
        expect(Math.abs(there.x - 1500)).toBeLessThanOrEqual(x);
        expect(Math.abs(there.y - 1800)).toBeLessThanOrEqual(y);
        expect(Math.abs(firmware.motors.place("x") - before.x - 500 / x)).toBeLessThanOrEqual(1);
        expect(Math.abs(firmware.motors.place("y") - before.y + 200 / y)).toBeLessThanOrEqual(1);
        expect(firmware.motors.place("z")).toBe(before.z);
        await stage.moveTo({ z: 60 });
        expect(Math.abs(firmware.motors.place("z") - before.z - 10 / z)).toBeLessThanOrEqual(1);
        await stage.moveTo({ y: 1900, z: 55 });
        const end = await stage.position();
        expect(Math.abs(end.x - 1500)).toBeLessThanOrEqual(x);
        expect(Math.abs(end.y - 1900)).toBeLessThanOrEqual(y);
        expect(Math.abs((end.z ?? Number.NaN) - 55)).toBeLessThanOrEqual(z);
      });
    });

    it("refuses a target outside of the limits before a byte of it is sent", async () => {
      await withStage(
        subject,
        async ({ stage, firmware }) => {
          const heard = firmware.heard.length;
          expect(await codeOf(stage.moveTo({ x: 101 }))).toBe("STAGE_LIMIT");
          expect(await codeOf(stage.moveTo({ y: Number.NaN }))).toBe("STAGE_LIMIT");
          expect(firmware.heard.length).toBe(heard);
        },
        { x: { min: -100, max: 100 } },
      );
    });

    it("halts a move under way, refuses a second one, and stands where it says", async () => {
      await withStage(slow, async ({ stage, firmware }) => {
        await stage.declare({ x: 0, y: 0, z: 0 });
        const way = codeOf(stage.moveTo({ x: 400_000 * subject.umPerStep.x }));
        while (!firmware.motors.anyMoves) await delay(2);
        expect(await codeOf(stage.moveTo({ x: 0 }))).toBe("STAGE_BUSY");
        expect((await stage.position()).x).toBeGreaterThan(0);
        await stage.stop();
        expect(await way).toBe("STAGE_STOPPED");
        expect(firmware.motors.anyMoves).toBe(false);
        const { x } = await stage.position();
        expect(Math.abs(x / subject.umPerStep.x - firmware.motors.counter("x"))).toBeLessThanOrEqual(1);
        expect(x).toBeLessThan(400_000 * subject.umPerStep.x);
      });
    });

    it("halts when its signal is aborted, and when it is closed", async () => {
      await withStage(slow, async ({ stage, firmware }) => {
        const abort = new AbortController();
        const way = codeOf(stage.moveTo({ x: 400_000 * subject.umPerStep.x }, abort.signal));
        while (!firmware.motors.anyMoves) await delay(2);
        abort.abort();
        expect(await way).toBe("STAGE_STOPPED");
        expect(firmware.motors.anyMoves).toBe(false);
        const again = codeOf(stage.moveTo({ x: -400_000 * subject.umPerStep.x }));
        while (!firmware.motors.anyMoves) await delay(2);
        await stage[Symbol.asyncDispose]();
        expect(await again).toBe("STAGE_STOPPED");
        expect(firmware.motors.anyMoves).toBe(false);
      });
    });

    it("is lost, once and for all, when it is unplugged in mid-move", async () => {
      await withStage(slow, async ({ stage, firmware, port, faults }) => {
        const way = codeOf(stage.moveTo({ x: 400_000 * subject.umPerStep.x }));
        while (!firmware.motors.anyMoves) await delay(2);
        port.unplug();
        expect(["STAGE_DISCONNECTED", "STAGE_SILENT"]).toContain(await way);
        expect(faults).toHaveLength(1);
        expect(stage.referenced).toBe(false);
        expect(await codeOf(stage.moveTo({ x: 0 }))).toBe(faults[0]!.code);
      });
    });

    it("homes where it can, and says so where it cannot", async () => {
      await withStage(subject, async ({ stage, firmware }) => {
        expect(stage.canHome).toBe(subject.homesAt !== undefined);
        if (subject.homesAt === undefined) {
          expect(await codeOf(stage.home())).toBe("STAGE_UNSUPPORTED");
          expect(firmware.motors.moves).toEqual([]);
          return;
        }
        const z = firmware.motors.place("z");
        const origin = await stage.home();
        expect(stage.referenced).toBe(true);
        expect([origin.x, origin.y]).toEqual([0, 0]);
        const { motors } = firmware;
        expect(motors.place("x")).toBe(subject.homesAt === "lower" ? 0 : motors.travel.x);
        expect(motors.place("y")).toBe(subject.homesAt === "lower" ? 0 : motors.travel.y);
        expect(motors.place("z")).toBe(z);
      });
    });

    it("tells a switch that stops a move short", async () => {
      await withStage(subject, async ({ stage, faults }) => {
        await stage.declare({ x: 0, y: 0, z: 0 });
        const code = await codeOf(stage.moveTo({ x: -2e6 * subject.umPerStep.x }));
        expect(["STAGE_REFUSED", "STAGE_LIMIT"]).toContain(code);
        expect(faults).toEqual([]);
      });
    });
  });

  describe("another device on the port", () => {
    const pairs = controllerCases.flatMap((own) =>
      controllerCases.filter(({ name }) => name !== own.name).map((other) => ({ own, other })),
    );
    it.each(pairs)(
      "$own.name finds no controller of its kind where $other.name is, and moves nothing",
      async ({ own, other }) => {
        await using port = await EmulatedPort.open(other.firmware());
        const driver = await driverOf(own.name);
        const opening = driver.open({
          source: port.path,
          options: driver.manifest.options.parse({ replyTimeoutMs: 60, ...own.options }),
          limitsUm: {},
          signal: new AbortController().signal,
        });
        expect(await codeOf(opening)).toBe("STAGE_WRONG_DEVICE");
        expect(port.firmware.motors.moves).toEqual([]);
      },
    );
  });
});

describe.skipIf(!socatThere)(`what controllers tell of themselves (${needsSocat})`, () => {
  const refusal = async (subject: Pick<ControllerCase, "name" | "firmware" | "options">): Promise<CytoError> => {
    const error = await withStage(subject, async () => undefined).catch((cause: unknown) => cause);
    return error as CytoError;
  };

  it("refuses a Sangaboard that cannot be stopped", async () => {
    const firmware = () => new SangaboardFirmware({ version: "Sangaboard Firmware v0.5.1" });
    const error = await refusal({ name: "sangaboard", firmware, options: {} });
    expect(error.code).toBe("STAGE_UNSUPPORTED");
    expect(error.message).toContain("v0.5");
  });

  it("takes a Sangaboard's moves out of blocking, and leaves a board alone that needs nothing", async () => {
    const blocking = new SangaboardFirmware({ blocking: true });
    await withStage({ name: "sangaboard", firmware: () => blocking, options: {} }, async () => undefined);
    expect(blocking.blocking).toBe(false);
    const set = new SangaboardFirmware({ blocking: false });
    await withStage({ name: "sangaboard", firmware: () => set, options: {} }, async () => undefined);
    expect(set.heard).not.toContain("blocking_moves false");
  });

  it("refuses a Prior without the focus drive that was asked for, and takes it without", async () => {
    const firmware = () => new PriorFirmware({ focus: false });
    expect((await refusal({ name: "prior", firmware, options: {} })).code).toBe("STAGE_UNSUPPORTED");
    await withStage({ name: "prior", firmware, options: { z: false } }, async ({ stage }) => {
      expect(stage.axes).toEqual(["x", "y"]);
      expect(await codeOf(stage.moveTo({ z: 5 }))).toBe("STAGE_UNSUPPORTED");
    });
  });

  it("moves a Tiger that answers in its own syntax, by its own letters", async () => {
    const firmware = () => new AsiFirmware({ tigerSyntax: true, letters: { V: "x", W: "y", F: "z" } });
    expect((await refusal({ name: "asi", firmware, options: {} })).code).toBe("STAGE_UNSUPPORTED");
    const options = { letters: { x: "v", y: "w", z: "f" } };
    await withStage({ name: "asi", firmware, options }, async ({ stage }) => {
      await stage.declare({ x: 0, y: 0, z: 0 });
      expect(await stage.moveTo({ x: 12.3, y: -4.5, z: 1 })).toEqual({ x: 12.3, y: -4.5, z: 1 });
    });
  });

  it("takes a Tango's emergency stop for an alarm, and gives its words", async () => {
    const firmware = () => new TangoFirmware({ moveError: 27 });
    await withStage({ name: "tango", firmware, options: {} }, async ({ stage, faults }) => {
      const error = await stage.moveTo({ x: 5 }).catch((cause: CytoError) => cause);
      expect(error).toMatchObject({ code: "STAGE_ALARM" });
      expect((error as CytoError).message).toContain("emergency STOP is active");
      expect(faults).toHaveLength(1);
    });
  });

  it("gives a Tango's refusal in its words, and goes on", async () => {
    const firmware = () => new TangoFirmware({ moveError: 32 });
    await withStage({ name: "tango", firmware, options: {} }, async ({ stage, faults }) => {
      expect(await codeOf(stage.moveTo({ x: 5 }))).toBe("STAGE_REFUSED");
      expect(faults).toEqual([]);
      expect(Object.keys(await stage.position())).toEqual(["x", "y", "z"]);
    });
  });

  it("knows a Tango that was calibrated before, and a Zaber that has its reference", async () => {
    const calibrated = new TangoFirmware();
    const tango = { name: "tango", firmware: () => calibrated, options: { homing: true } };
    await withStage(tango, async ({ stage }) => void (await stage.home()));
    await withStage(tango, async ({ stage }) => expect(stage.referenced).toBe(true));
    const firmware = () => new ZaberFirmware({ referenced: true });
    await withStage({ name: "zaber", firmware, options: {} }, async ({ stage }) => {
      expect(stage.referenced).toBe(true);
    });
  });

  it("refuses a place outside of a Zaber's travel before an axis sets out", async () => {
    const firmware = () => new ZaberFirmware({ referenced: true });
    await withStage({ name: "zaber", firmware, options: {} }, async ({ stage, firmware: { motors } }) => {
      expect(await codeOf(stage.moveTo({ x: 10, y: 1e7 }))).toBe("STAGE_LIMIT");
      expect(motors.moves).toEqual([]);
    });
  });

  it("takes a Zaber that stalls for an alarm", async () => {
    const device = new ZaberFirmware({ referenced: true, timeFactor: 0.1 });
    await withStage({ name: "zaber", firmware: () => device, options: {} }, async ({ stage, faults }) => {
      const way = codeOf(stage.moveTo({ x: 50_000 }));
      while (!device.motors.anyMoves) await delay(2);
      device.stalled.add("x");
      expect(await way).toBe("STAGE_ALARM");
      await vi.waitFor(() => expect(device.motors.anyMoves).toBe(false));
      expect(faults[0]?.message).toContain("FS (stalled and stopped)");
    });
  });

  it("says that there is no such port, that one is needed, and that one is silent", async () => {
    for (const { name, options } of controllerCases) {
      const driver = await driverOf(name);
      const open = (source: string | undefined) =>
        driver.open({
          source,
          options: driver.manifest.options.parse({ ...options, replyTimeoutMs: 30 }),
          limitsUm: {},
          signal: new AbortController().signal,
        });
      expect(await codeOf(open("/dev/cytostream-no-such-port"))).toBe("STAGE_PORT_NOT_FOUND");
      expect(await codeOf(open(undefined))).toBe("STAGE_PORT_NOT_FOUND");
      const deaf = new SangaboardFirmware();
      await using port = await EmulatedPort.open(deaf);
      deaf.send = () => undefined;
      expect(await codeOf(open(port.path))).toBe("STAGE_SILENT");
    }
  });
});

describe.skipIf(!socatThere)(`axes that lie otherwise (${needsSocat})`, () => {
  it.each(controllerCases)(
    "$name moves its y for the stage's x where they are swapped, and against it where inverted",
    async (subject) => {
      const options = { ...subject.options, swapXY: true, invert: { x: true } };
      await withStage({ ...subject, options }, async ({ stage, firmware: { motors } }) => {
        await stage.declare({ x: -400, y: 200, z: 0 });
        const before = { x: motors.place("x"), y: motors.place("y") };
        const there = await stage.moveTo({ x: -100 });
        expect(Math.abs(there.x + 100)).toBeLessThanOrEqual(subject.umPerStep.x);
        expect(Math.abs(there.y - 200)).toBeLessThanOrEqual(subject.umPerStep.y);
        expect(motors.place("x")).toBe(before.x);
        expect(Math.abs(motors.place("y") - before.y + 300 / subject.umPerStep.y)).toBeLessThanOrEqual(1);
      });
    },
  );
});
