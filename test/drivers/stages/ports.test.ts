import { describe, expect, it } from "vitest";
import type { CytoError } from "../../../src/core/index.js";
import { controllerCases, driverOf } from "./controllers.js";
import { EmulatedPort, needsSocat, socatThere } from "./emulators/pty.js";

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "done",
    (error: CytoError) => error.code,
  );

describe.skipIf(!socatThere).each(controllerCases)(`ports of $name (${needsSocat})`, (subject) => {
  const open = async (source: string, more: object = {}) => {
    const driver = await driverOf(subject.name);
    return driver.open({
      source,
      options: driver.manifest.options.parse({ ...subject.options, replyTimeoutMs: 100, ...more }),
      limitsUm: {},
      signal: new AbortController().signal,
    });
  };

  it("are one program's at a time", async () => {
    await using port = await EmulatedPort.open(subject.firmware());
    const stage = await open(port.path, { replyTimeoutMs: 1000 });
    expect(await codeOf(open(port.path))).toBe("STAGE_PORT_BUSY");
    await stage.position();
    await stage[Symbol.asyncDispose]();
    await (await open(port.path, { replyTimeoutMs: 1000 }))[Symbol.asyncDispose]();
  });

  it("at another baud rate give nonsense, by which nothing moves", async () => {
    const firmware = subject.firmware();
    await using port = await EmulatedPort.open(firmware);
    // What a receiver makes of bits that are four times too fast or too slow.
    const receive = firmware.receive.bind(firmware);
    firmware.receive = (bytes) => {
      receive(bytes.map((byte) => (byte * 37 + 11) & 0xff));
      firmware.send(String.fromCharCode(...bytes.map((byte) => (byte * 53 + 129) | 0x80)));
    };
    expect(await codeOf(open(port.path))).toBe("STAGE_WRONG_DEVICE");
    expect(firmware.motors.moves).toEqual([]);
  });
});
