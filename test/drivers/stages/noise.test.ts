import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { Stage } from "../../../drivers/contract.js";
import type { CytoError } from "../../../src/core/index.js";
import { type ControllerCase, controllerCases, driverOf } from "./controllers.js";
import type { LineFirmware } from "./emulators/lineFirmware.js";
import { EmulatedPort, needsSocat, socatThere } from "./emulators/pty.js";

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

type Random = () => number;
type Send = (text: string) => void;

const anywhere = (text: string, random: Random): number => Math.floor(random() * (text.length + 1));

/** Echoes, lines that nobody asked for, and replies in pieces: nothing of a reply is lost. */
function chatter(firmware: LineFirmware, end: string, random: Random): void {
  const send: Send = firmware.send;
  let sent = Promise.resolve();
  firmware.send = (reply) => {
    const echo = random() < 0.3 ? `${firmware.heard.at(-1) ?? ""}${end}` : "";
    const noise = random() < 0.3 ? `\xfe~~\x00hello${end}` : "";
    const text = echo + noise + reply;
    const cut = anywhere(text, random);
    sent = sent.then(async () => {
      send(text.slice(0, cut));
      await delay(1);
      send(text.slice(cut));
    });
  };
}

/** Of some replies bytes are garbled, the end is cut off, or all is lost. */
function losses(firmware: LineFirmware, random: Random): void {
  const send: Send = firmware.send;
  firmware.send = (reply) => {
    const fate = random();
    const at = anywhere(reply, random);
    if (fate < 0.02) return;
    if (fate < 0.04) send(reply.slice(0, at));
    else if (fate < 0.06) send(`${reply.slice(0, at)}\xf7${reply.slice(at)}`);
    else send(reply);
  };
}

const open = async ({ name, options }: ControllerCase, port: EmulatedPort, replyTimeoutMs: number): Promise<Stage> => {
  const driver = await driverOf(name);
  return driver.open({
    source: port.path,
    options: driver.manifest.options.parse({ ...options, replyTimeoutMs }),
    limitsUm: {},
    signal: new AbortController().signal,
  });
};

/** x and y of places that follow each other, um. */
const places = (count: number, random: Random): { x: number; y: number }[] =>
  Array.from({ length: count }, () => ({ x: Math.round(random() * 4000), y: Math.round(random() * 4000) }));

const lineEnds: Readonly<Record<string, string>> = { prior: "\r", tango: "\r", ludl: "\n" };

describe.skipIf(!socatThere)(`stages on a bad line (${needsSocat})`, () => {
  describe.each(controllerCases)("$name", (subject) => {
    const { umPerStep } = subject;

    it("goes where it shall through echoes, noise and replies in pieces", async () => {
      const random = randomNumbers(24);
      await using port = await EmulatedPort.open(subject.firmware());
      chatter(port.firmware, lineEnds[subject.name] ?? "\r\n", random);
      await using stage = await open(subject, port, 2000);
      await stage.declare({ x: 0, y: 0, z: 0 });
      const { motors } = port.firmware;
      const origin = { x: motors.place("x"), y: motors.place("y") };
      for (const place of places(4, random)) {
        const there = await stage.moveTo(place);
        for (const axis of ["x", "y"] as const) {
          expect(Math.abs(there[axis] - place[axis])).toBeLessThanOrEqual(umPerStep[axis]);
          expect(Math.abs(motors.place(axis) - origin[axis] - place[axis] / umPerStep[axis])).toBeLessThanOrEqual(1);
        }
      }
    });

    it("says where it is, and nothing else, after a reply that was cut off", async () => {
      await using port = await EmulatedPort.open(subject.firmware());
      const { firmware } = port;
      await using stage = await open(subject, port, 150);
      await stage.declare({ x: 0, y: 0, z: 0 });
      await stage.moveTo({ x: 1200, y: 340 });
      const here = await stage.position();
      const send: Send = firmware.send;
      for (const length of [1, 3]) {
        firmware.send = (reply) => {
          firmware.send = send;
          send(reply.slice(0, length));
        };
        expect(await stage.position()).toEqual(here);
      }
    });

    it("takes no late reply for the one to a later question", async () => {
      await using port = await EmulatedPort.open(subject.firmware());
      const { firmware } = port;
      await using stage = await open(subject, port, 150);
      await stage.declare({ x: 0, y: 0, z: 0 });
      const before = await stage.position();
      const send: Send = firmware.send;
      firmware.send = (late) => {
        // As if it was moved by hand before it is asked again.
        firmware.motors.declare("x", firmware.motors.counter("x") + 500);
        firmware.send = (reply) => {
          firmware.send = send;
          send(late);
          send(reply);
        };
      };
      const { x } = await stage.position();
      expect(x).toBeCloseTo(before.x + 500 * umPerStep.x, 3);
    });

    it("moves nothing that was not asked for, and is never where it says it is not, when replies are lost", async () => {
      const random = randomNumbers(1000);
      await using port = await EmulatedPort.open(subject.firmware());
      const { firmware } = port;
      const { motors } = firmware;
      losses(firmware, random);
      let stage: Stage | undefined;
      let arrived = 0;
      for (const place of places(8, random)) {
        const before = motors.moves.length;
        try {
          if (stage === undefined) {
            const opened = await open(subject, port, 100);
            stage = opened;
            await opened.declare({ x: 0, y: 0, z: 0 });
          }
          expect(motors.moves.length).toBe(before);
          const origin = { x: motors.place("x") - motors.counter("x"), y: motors.place("y") - motors.counter("y") };
          const start = await stage.position();
          const from = { x: motors.place("x"), y: motors.place("y") };
          const there = await stage.moveTo(place);
          for (const axis of ["x", "y"] as const) {
            const way = (there[axis] - start[axis]) / umPerStep[axis];
            expect(Math.abs(motors.place(axis) - from[axis] - way)).toBeLessThanOrEqual(2);
            expect(motors.place(axis) - motors.counter(axis)).toBe(origin[axis]);
          }
          arrived++;
        } catch (error) {
          // What the losses may do: a stage that is lost, or that refuses.
          if (!(error as CytoError).code?.startsWith("STAGE_")) throw error;
          await stage?.[Symbol.asyncDispose]();
          stage = undefined;
        }
        const moved = motors.moves.slice(before).map(({ axis }) => axis);
        expect(moved.filter((axis) => axis === "x").length).toBeLessThanOrEqual(1);
        expect(moved.filter((axis) => axis === "y").length).toBeLessThanOrEqual(1);
      }
      await stage?.[Symbol.asyncDispose]();
      expect(arrived).toBeGreaterThan(0);
    });
  });

  it("moves no Zaber by a command that was garbled on the way", async () => {
    const subject = controllerCases.find(({ name }) => name === "zaber")!;
    const random = randomNumbers(7);
    await using port = await EmulatedPort.open(subject.firmware());
    const { firmware } = port;
    await using stage = await open(subject, port, 100);
    await stage.declare({ x: 0, y: 0, z: 0 });
    const receive = firmware.receive.bind(firmware);
    let garbled = 0;
    firmware.receive = (bytes) => {
      const moves = Buffer.from(bytes).includes("move");
      if (!moves) {
        receive(bytes);
        return;
      }
      // Another digit for one of the target's.
      const text = Buffer.from(bytes).toString("latin1");
      const digits = [.../ abs (\d+)/.exec(text)![1]!.matchAll(/\d/g)];
      const at = text.indexOf(" abs ") + 5 + digits[Math.floor(random() * digits.length)]!.index;
      garbled++;
      receive(Buffer.from(`${text.slice(0, at)}${(Number(text[at]) + 1) % 10}${text.slice(at + 1)}`, "latin1"));
    };
    const error = await stage.moveTo({ x: 1234 }).catch((cause: CytoError) => cause);
    expect(error).toMatchObject({ code: "STAGE_SILENT" });
    expect(garbled).toBe(1);
    expect(firmware.motors.moves).toEqual([]);
  });
});
