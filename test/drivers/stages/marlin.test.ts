import { setTimeout as delay } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import type { Stage } from "../../../drivers/contract.js";
import { driver } from "../../../drivers/stages/marlin/driver.js";
import * as protocol from "../../../drivers/stages/marlin/protocol.js";
import type { CytoError } from "../../../src/core/index.js";
import { patient } from "./controllers.js";
import { MarlinFirmware, type MarlinFirmwareOptions } from "./emulators/marlin.js";
import { EmulatedPort, needsSocat, socatThere } from "./emulators/pty.js";

interface Bench {
  readonly stage: Stage;
  readonly firmware: MarlinFirmware;
  readonly faults: CytoError[];
}

const withStage = async (
  given: MarlinFirmwareOptions,
  options: object,
  use: (bench: Bench) => Promise<void>,
): Promise<void> => {
  const firmware = new MarlinFirmware(given);
  await using port = await EmulatedPort.open(firmware);
  const faults: CytoError[] = [];
  await using stage = await driver.open({
    source: port.path,
    options: driver.manifest.options.parse({ ...patient, ...options }),
    limitsUm: {},
    signal: new AbortController().signal,
    onFault: (fault) => void faults.push(fault),
  });
  await use({ stage, firmware, faults });
};

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "done",
    (error: CytoError) => error.code,
  );

describe("a report of Marlin", () => {
  const steps = fc.integer({ min: -200_000, max: 200_000 });
  const perMm = { x: 80, y: 400, z: 1600 };
  const say = (x: number, y: number, z: number): string => {
    const mm = [x / perMm.x, y / perMm.y, z / perMm.z].map((value, index) => `${"XYZ"[index]}:${value.toFixed(2)}`);
    return `${mm.join(" ")} E:0.00 Count X:${x} Y:${y} Z:${z}`;
  };

  it("is a place by its steps", () => {
    fc.assert(
      fc.property(steps, steps, steps, (x, y, z) => {
        const report = protocol.parseReport(say(x, y, z))!;
        expect(protocol.placeOf(report, perMm)).toEqual({ x: x / perMm.x, y: y / perMm.y, z: z / perMm.z });
      }),
    );
  });

  it("is one by its decimals where the steps are of other axes, or of another origin", () => {
    const core = protocol.parseReport("X:10.00 Y:5.00 Z:1.00 E:0.00 Count A:15000 B:5000 Z:1600")!;
    expect(protocol.placeOf(core, perMm)).toEqual({ x: 10, y: 5, z: 1 });
    const shifted = protocol.parseReport("X:0.00 Y:5.00 Z:1.00 E:0.00 Count X:800 Y:2000 Z:1600")!;
    expect(protocol.placeOf(shifted, perMm)).toEqual({ x: 0, y: 5, z: 1 });
    expect(protocol.parseReport("X:0.00 Y:5.00 Z:1.00 E:0.00 Count X:8-0 Y:2000 Z:1600")).toBeUndefined();
  });

  it("is never made of noise", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const report = protocol.parseReport(text);
        if (report) expect(Object.values(report.placeMm).every(Number.isFinite)).toBe(true);
      }),
    );
  });

  it("is waited for until it is there, whatever `ok` comes before", () => {
    expect(protocol.askReport.read(["ok"])).toBeUndefined();
    expect(protocol.askReport.read(["ok", say(80, 0, 0), "ok"])).toMatchObject({ value: { placeMm: { x: 1 } } });
  });

  it("moves by lines whose checksum is that of all their bytes", () => {
    fc.assert(
      fc.property(fc.nat(9999), fc.double({ min: -200, max: 200, noNaN: true }), (number, x) => {
        const { text } = protocol.move(number, { x }, 600);
        const [, line = "", sum] = /^(N\d+ G0 F600\.0 X-?\d+\.\d{4})\*(\d+)\n$/.exec(text) ?? [];
        expect([...Buffer.from(line)].reduce((xor, byte) => xor ^ byte, 0)).toBe(Number(sum));
      }),
    );
  });
});

describe.skipIf(!socatThere)(`Marlin (${needsSocat})`, () => {
  it("waits by the firmware's own mark where it does not tell where it is meanwhile", async () => {
    await withStage({ timeFactor: 1, core: true }, {}, async ({ stage, firmware, faults }) => {
      await stage.declare({ x: 0, y: 0, z: 0 });
      const way = stage.moveTo({ x: 8000, y: -4000 });
      while (!firmware.motors.anyMoves) await delay(2);
      expect(await stage.position()).toEqual({ x: 0, y: 0, z: 0 });
      expect(firmware.motors.anyMoves).toBe(true);
      expect(await way).toEqual({ x: 8000, y: -4000, z: 0 });
      expect(firmware.motors.anyMoves).toBe(false);
      expect(faults).toEqual([]);
    });
  });

  it("halts at once while it waits, and tells where it stands", async () => {
    await withStage({ timeFactor: 0.5 }, {}, async ({ stage, firmware }) => {
      await stage.declare({ x: 0, y: 0, z: 0 });
      const way = codeOf(stage.moveTo({ x: 50_000 }));
      while (!firmware.motors.anyMoves) await delay(2);
      await delay(50);
      await stage.stop();
      expect(firmware.motors.anyMoves).toBe(false);
      expect(await way).toBe("STAGE_STOPPED");
      const { x } = await stage.position();
      expect(x).toBe(firmware.motors.counter("x"));
      expect(x).toBeLessThan(50_000);
      expect((await stage.moveTo({ x: 0 })).x).toBe(0);
    });
  });

  it("says in a long move that it is busy, and is halted and lost where it says nothing", async () => {
    await withStage({ timeFactor: 0.25 }, {}, async ({ stage, firmware, faults }) => {
      await stage.declare({ x: 0, y: 0, z: 0 });
      // Longer than the silence that is allowed.
      expect((await stage.moveTo({ x: 12_500 })).x).toBe(12_500);
      const way = codeOf(stage.moveTo({ x: 50_000 }));
      while (!firmware.motors.anyMoves) await delay(2);
      firmware.send = () => undefined;
      expect(await way).toBe("STAGE_SILENT");
      await vi.waitFor(() => expect(firmware.motors.anyMoves).toBe(false));
      expect(faults.map(({ code }) => code)).toEqual(["STAGE_SILENT"]);
    });
  });

  it("asks again for a mark that was lost on the way", async () => {
    await withStage({ timeFactor: 2 }, {}, async ({ stage, firmware, faults }) => {
      await stage.declare({ x: 0, y: 0, z: 0 });
      const { send } = firmware;
      let lost = 0;
      firmware.send = (text) => {
        if (lost === 0 && text.startsWith("cytostream")) lost++;
        else send(text);
      };
      expect((await stage.moveTo({ x: 2000 })).x).toBe(2000);
      expect([lost, faults.length]).toEqual([1, 0]);
    });
  });

  it("moves by firmware that never says that it is busy", async () => {
    await withStage({ timeFactor: 0.5, keepAlive: false }, {}, async ({ stage }) => {
      await stage.declare({ x: 0, y: 0, z: 0 });
      expect((await stage.moveTo({ x: 20_000 })).x).toBe(20_000);
    });
  });

  it("moves nothing by a command that was garbled on the way", async () => {
    await withStage({}, {}, async ({ stage, firmware, faults }) => {
      await stage.declare({ x: 0, y: 0, z: 0 });
      const receive = firmware.receive.bind(firmware);
      firmware.receive = (bytes) =>
        receive(
          Buffer.from(
            Buffer.from(bytes)
              .toString("latin1")
              .replace(/X(\d)/, (_, digit) => `X${9 - digit}`),
          ),
        );
      expect(await codeOf(stage.moveTo({ x: 1000 }))).toBe("STAGE_REFUSED");
      expect(firmware.motors.moves).toEqual([]);
      firmware.receive = receive;
      expect((await stage.moveTo({ x: 1000 })).x).toBe(1000);
      expect(faults).toEqual([]);
    });
  });

  it("is in alarm where it is stopped while it homes, and does not believe its place when it was started anew", async () => {
    await withStage({ timeFactor: 0.5 }, { homing: true }, async ({ stage, firmware, faults }) => {
      const homing = codeOf(stage.home());
      while (!firmware.motors.anyMoves) await delay(2);
      await stage.stop().catch(() => undefined);
      expect(await homing).toBe("STAGE_ALARM");
      expect(firmware.motors.anyMoves).toBe(false);
      expect(faults.map(({ code }) => code)).toEqual(["STAGE_ALARM"]);
    });
    await withStage({}, {}, async ({ stage, firmware, faults }) => {
      await stage.declare({ x: 0, y: 0, z: 0 });
      firmware.startAnew();
      await vi.waitFor(() => expect(faults.map(({ code }) => code)).toEqual(["STAGE_UNREFERENCED"]));
      expect(await codeOf(stage.moveTo({ x: 600 }))).toBe("STAGE_UNREFERENCED");
    });
  });

  it("tells where the firmware's own limits have cut a move short, and refuses firmware that is too old", async () => {
    await withStage({}, { homing: true }, async ({ stage }) => {
      await stage.home();
      expect(await codeOf(stage.moveTo({ x: -5000 }))).toBe("STAGE_REFUSED");
      expect((await stage.position()).x).toBe(0);
    });
    expect(await codeOf(withStage({ version: "1.1.9" }, {}, async () => undefined))).toBe("STAGE_UNSUPPORTED");
  });
});
