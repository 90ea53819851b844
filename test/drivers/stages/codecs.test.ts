import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as asi from "../../../drivers/stages/asi/protocol.js";
import { toSteps, toUm } from "../../../drivers/stages/axes.js";
import type { Exchange } from "../../../drivers/stages/exchange.js";
import { type Framing, LineSplitter } from "../../../drivers/stages/lines.js";
import * as ludl from "../../../drivers/stages/ludl/protocol.js";
import * as prior from "../../../drivers/stages/prior/protocol.js";
import * as sangaboard from "../../../drivers/stages/sangaboard/protocol.js";
import * as tango from "../../../drivers/stages/tango/protocol.js";
import * as zaber from "../../../drivers/stages/zaber/protocol.js";

const letters = { x: "X", y: "Y", z: "Z" };
const at = { device: 1, axis: 1 };

interface CodecCase {
  readonly name: string;
  readonly framing: Framing;
  readonly position: Exchange<unknown>;
  /** What the controller sends for a place, without the line's end, and what that means. */
  say(x: number, y: number, z: number): readonly [line: string, value: unknown];
  readonly all: readonly Exchange<unknown>[];
}

const codecs: readonly CodecCase[] = [
  {
    name: "sangaboard",
    framing: { end: "\r\n" },
    position: sangaboard.askPosition,
    say: (x, y, z) => [`${x} ${y} ${z}`, [x, y, z]],
    all: [
      sangaboard.askVersion,
      sangaboard.askBlocking,
      sangaboard.setNonBlocking,
      sangaboard.askMoving,
      sangaboard.askStepDelay,
      sangaboard.halt,
    ],
  },
  {
    name: "prior",
    framing: { end: "\r" },
    position: prior.askPosition,
    say: (x, y, z) => [`${x},${y},${z}`, { x, y, z }],
    all: [prior.askIdentity, prior.setStandardMode, prior.askResolution("s"), prior.askMoving, prior.halt],
  },
  {
    name: "asi",
    framing: { end: "\r\n" },
    position: asi.askPosition(letters),
    say: (x, y, z) => [`:A ${x} ${y} ${z} `, { x: x / 10, y: y / 10, z: z / 10 }],
    all: [asi.askBuild, asi.askVersion, asi.askMoving, asi.halt, asi.move(letters, { x: 1 })],
  },
  {
    name: "asi in Tiger's syntax",
    framing: { end: "\r\n" },
    position: asi.askPosition(letters),
    say: (x, y, z) => [`X=${x} Y=${y} Z=${z}`, { x: x / 10, y: y / 10, z: z / 10 }],
    all: [asi.askMoving],
  },
  {
    name: "tango",
    framing: { end: "\r" },
    position: tango.askPosition(["x", "y", "z"]),
    say: (x, y, z) => [
      `${(x / 10).toFixed(4)} ${(y / 10).toFixed(4)} ${(z / 10).toFixed(4)}`,
      { x: x / 10, y: y / 10, z: z / 10 },
    ],
    all: [tango.askVersion, tango.askAxisCount, tango.askError, tango.askMoving, tango.askCalibrated(["x", "y"])],
  },
  {
    name: "ludl",
    framing: { end: "\n", single: "BN" },
    position: ludl.askPosition(letters),
    say: (x, y, z) => [`:A ${x} ${y} ${z} `, { x, y, z }],
    all: [ludl.askModules, ludl.askVersion, ludl.askMoving("X"), ludl.halt, ludl.move(letters, { x: 1 })],
  },
  {
    name: "zaber",
    framing: { end: "\r\n" },
    position: zaber.askPosition(at),
    say: (x) => [`@01 1 14 OK IDLE -- ${x}`, x],
    all: [zaber.askVersion(1), zaber.askState(at), zaber.move(at, 5), zaber.askLimit(at, "min")],
  },
  {
    name: "zaber with checksums",
    framing: { end: "\r\n" },
    position: zaber.askPosition(at),
    say: (x) => [`@01 1 14 OK BUSY WR ${x}:${zaber.checksum(`01 1 14 OK BUSY WR ${x}`)}`, x],
    all: [zaber.askState(at)],
  },
];

const place = fc.integer({ min: -9_999_999, max: 9_999_999 });

/** Cuts bytes into pieces of these lengths. */
function pieces(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const cut: Uint8Array[] = [];
  let from = 0;
  for (const length of lengths) {
    cut.push(bytes.subarray(from, from + length));
    from += length;
  }
  return [...cut, bytes.subarray(from)];
}

/** What an exchange makes of bytes that come in pieces. */
function reading<T>(exchange: Exchange<T>, framing: Framing, parts: readonly Uint8Array[]): unknown {
  const splitter = new LineSplitter(framing);
  const lines: string[] = [];
  for (const part of parts) {
    for (const line of splitter.take(part)) {
      lines.push(line);
      const read = exchange.read(lines);
      if (read !== undefined) return read;
    }
  }
  return undefined;
}

const bytesOf = (text: string): Uint8Array => Buffer.from(text, "latin1");
const lengths = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 60 });

describe.each(codecs)("the codec of $name", ({ framing, position, say, all }) => {
  it("reads a place however its bytes are cut, after an echo and lines that are no reply", () => {
    const noise = fc.constantFrom(position.text.trim(), "", "\xfe\x00~~", "hello", "!01 1 IDLE --", "#01 0 note");
    fc.assert(
      fc.property(place, place, place, fc.array(noise, { maxLength: 4 }), lengths, (x, y, z, before, cut) => {
        const [line, value] = say(x, y, z);
        const text = [...before, line].map((each) => each + framing.end).join("");
        expect(reading(position, framing, pieces(bytesOf(text), cut))).toEqual({ value });
      }),
    );
  });

  it("reads no place from a line with a byte in it that does not belong", () => {
    const alien = fc.constantFrom("\x00", "\x1b", "\x7f", "\xff", "\xc3", "@", "~");
    fc.assert(
      fc.property(place, place, place, fc.nat(), alien, (x, y, z, where, byte) => {
        const [line] = say(x, y, z);
        const start = 1 + (where % (line.trimEnd().length - 1));
        const text = `${line.slice(0, start)}${byte}${line.slice(start)}${framing.end}`;
        expect(reading(position, framing, [bytesOf(text)])).toBeUndefined();
      }),
    );
  });

  it("reads what was sent after a line that was cut off, or nothing, and never a mixture", () => {
    fc.assert(
      fc.property(place, place, place, fc.nat(), lengths, (x, y, z, where, cut) => {
        const [line, value] = say(x, y, z);
        const splitter = new LineSplitter(framing);
        const late = line.slice(where % line.length);
        splitter.take(bytesOf(line.slice(0, where % line.length)));
        splitter.forsake();
        const bytes = bytesOf([late, line].map((each) => each + framing.end).join(""));
        const lines = pieces(bytes, cut).flatMap((part) => splitter.take(part));
        const read = lines
          .map((_, index) => position.read(lines.slice(0, index + 1)))
          .filter((each) => each !== undefined);
        expect(read.every((each) => JSON.stringify(each) === JSON.stringify({ value }))).toBe(true);
        expect(read.length).toBeGreaterThanOrEqual(1);
      }),
    );
  });

  it("reads no place from a line that was cut off", () => {
    fc.assert(
      fc.property(place, place, place, fc.nat(), (x, y, z, where) => {
        const [line] = say(x, y, z);
        const text = line.slice(0, where % line.length);
        expect(reading(position, framing, [bytesOf(text)])).toBeUndefined();
      }),
    );
  });

  it("makes nothing of noise, and never fails", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), lengths, (bytes, cut) => {
        for (const exchange of [position, ...all]) {
          const read = reading(exchange, framing, pieces(bytes, cut));
          if (read !== undefined) expect(read).toSatisfy((each: object) => "value" in each || "refused" in each);
        }
        const clean = bytes.map((byte) => byte | 0x80);
        expect(reading(position, framing, [clean, bytesOf(framing.end)])).toBeUndefined();
      }),
    );
  });
});

describe("what controllers refuse, in their own words", () => {
  const refusals: readonly [string, Exchange<unknown>, string, object][] = [
    ["prior", prior.move({ x: 1 }, { x: 0, y: 0, z: 0 }), "E,1", { refused: "E,1 (no stage)" }],
    ["prior", prior.move({ z: 1 }, { x: 0, y: 0, z: 0 }), "E,7", { refused: "E,7 (no focus)" }],
    ["asi", asi.move(letters, { x: 1 }), ":N-4", { refused: ":N-4 (parameter out of range)" }],
    ["asi", asi.halt, ":N-21", { value: true }],
    ["tango", tango.askError, "32", { refused: "error 32 (move discarded, target outside limit)", alarm: false }],
    ["tango", tango.askError, "27", { refused: "error 27 (emergency STOP is active)", alarm: true }],
    ["ludl", ludl.move(letters, { x: 1 }), ":N -2", { refused: ":N -2 (illegal axis or module)" }],
    ["ludl", ludl.halt, ":N -21", { value: true }],
    [
      "zaber",
      zaber.move(at, 1),
      "@01 1 21 RJ IDLE -- BADDATA",
      { refused: "RJ BADDATA (data out of range)", alarm: false },
    ],
    [
      "zaber",
      zaber.move(at, 1),
      "@01 1 21 RJ IDLE FD DRIVERDISABLED",
      { refused: "RJ DRIVERDISABLED (driver disabled)", alarm: true },
    ],
  ];
  it.each(refusals)("%s: %o", (_, exchange, line, expected) => {
    expect(exchange.read([line])).toEqual(expected);
  });

  it("ends Zaber's commands with the checksum of its manual's rule: all bytes and the sum are 0 modulo 256", () => {
    for (const { text } of [zaber.move(at, -12_345), zaber.askState({ device: 12, axis: 3 }), zaber.askVersion(1)]) {
      const [, body, sum] = /^\/([^:]+):([0-9A-F]{2})\n$/.exec(text) ?? [];
      const bytes = [...Buffer.from(body ?? "", "latin1"), Number.parseInt(sum ?? "", 16)];
      expect(bytes.reduce((total, byte) => total + byte, 0) % 256).toBe(0);
    }
  });

  it("takes no Zaber reply of another device, another axis, to another question or with a wrong checksum", () => {
    const ask = zaber.askPosition(at);
    expect(ask.read(["@02 1 14 OK IDLE -- 5"])).toBeUndefined();
    expect(ask.read(["@01 2 14 OK IDLE -- 5"])).toBeUndefined();
    expect(ask.read(["@01 1 20 OK IDLE -- 5"])).toBeUndefined();
    expect(ask.read(["@01 1 OK IDLE -- 5"])).toBeUndefined();
    expect(ask.read(["@01 1 14 OK IDLE -- 5:00"])).toBeUndefined();
    expect(ask.read(["@01 1 14 OK IDLE -- 5"])).toEqual({ value: 5 });
  });
});

describe("the axes of a stage on those of its controller", () => {
  it("gives back the places that it was given", () => {
    const um = fc.double({ min: -1e5, max: 1e5, noNaN: true });
    const size = fc.double({ min: 0.01, max: 10, noNaN: true });
    const invert = fc.record({ x: fc.boolean(), y: fc.boolean(), z: fc.boolean() });
    fc.assert(
      fc.property(
        um,
        um,
        um,
        fc.record({ x: size, y: size, z: size }),
        fc.boolean(),
        invert,
        (x, y, z, umPerStep, swapXY, inverted) => {
          const map = { umPerStep, swapXY, invert: inverted };
          const back = toUm(toSteps({ x, y, z }, map), map);
          expect(back.x).toBeCloseTo(x, 6);
          expect(back.y).toBeCloseTo(y, 6);
          expect(back.z).toBeCloseTo(z, 6);
        },
      ),
    );
  });

  it("moves the controller's y for the stage's x where they are swapped", () => {
    const map = { umPerStep: { x: 1, y: 2, z: 1 }, swapXY: true, invert: { x: true, y: false, z: false } };
    expect(toSteps({ x: 10 }, map)).toEqual({ y: -5 });
    expect(toUm({ y: -5 }, map)).toEqual({ x: 10 });
  });
});
