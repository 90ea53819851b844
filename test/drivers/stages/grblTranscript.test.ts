import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it, vi } from "vitest";
import { GrblFirmware } from "./emulators/grbl.js";

/** The emulator without a port: what it is told, and what it says. */
class Bench {
  readonly firmware = new GrblFirmware({
    settings: { 22: 0 },
    at: { x: 150_000, y: 150_000, z: 40_000 },
    timeFactor: 4,
  });
  #said = "";

  constructor() {
    this.firmware.send = (text) => {
      this.#said += text;
    };
  }

  tell(text: string): void {
    this.firmware.receive(Buffer.from(text, "latin1"));
  }

  /** What it has said since it was asked last, line by line. */
  take(): string[] {
    const lines = this.#said.split("\r\n").filter((line) => line !== "");
    this.#said = "";
    return lines;
  }

  ask(text: string): string {
    this.take();
    this.tell(text);
    return this.take().join(" ");
  }

  /** State, and the machine's x, mm. */
  status(): [string, number] {
    const [, state = "", x = ""] = /^<([A-Za-z:\d]+)\|MPos:(-?[\d.]+),/.exec(this.ask("?")) ?? [];
    return [state, Number(x)];
  }

  until(state: string): Promise<void> {
    return vi.waitFor(() => expect(this.status()[0]).toBe(state), { interval: 2, timeout: 5000 });
  }
}

/** The same words to the emulator as were said to the real firmware 1.1h, and what that answered. */
describe("the emulator of GRBL", () => {
  it("moves, holds, and is reset in a hold, moving and locked as the firmware was seen to", async () => {
    const bench = new Bench();
    expect(bench.ask("\x18")).toBe("Grbl 1.1h ['$' for help]");
    expect(bench.status()).toEqual(["Idle", 0]);
    for (const setting of ["$21=0", "$22=0", "$20=0"]) expect(bench.ask(`${setting}\n`)).toBe("ok");
    expect(bench.ask("G91 G0 X-10\n")).toBe("ok");
    expect(bench.status()[0]).toBe("Run");
    await bench.until("Idle");
    expect(bench.status()).toEqual(["Idle", -10]);
    bench.tell("G91 G1 X-60 F1000\n");
    expect(bench.ask("$I\n")).toBe("error:8");
    expect(bench.ask("!")).toBe("");
    expect(bench.status()[0]).toBe("Hold:1");
    await bench.until("Hold:0");
    const [, held] = bench.status();
    await delay(20);
    expect(bench.status()).toEqual(["Hold:0", held]);
    expect(bench.ask("$I\n")).toBe("");
    bench.tell("~");
    expect(bench.status()[0]).toBe("Run");
    bench.tell("!");
    await bench.until("Hold:0");
    const [, again] = bench.status();
    expect(bench.ask("\x18")).toBe("Grbl 1.1h ['$' for help]");
    expect(bench.status()).toEqual(["Idle", again]);
    bench.tell("G91 G0 X20\n");
    expect(bench.ask("\x18")).toBe("ALARM:3");
    await vi.waitFor(() => expect(bench.take()).toEqual(["Grbl 1.1h ['$' for help]", "[MSG:'$H'|'$X' to unlock]"]));
    expect(bench.status()[0]).toBe("Alarm");
    expect(bench.ask("G0 X1\n")).toBe("error:9");
    expect(bench.ask("$X\n")).toBe("[MSG:Caution: Unlocked] ok");
    expect(bench.status()[0]).toBe("Idle");
  });

  it("jogs, and refuses what it does not understand", async () => {
    const bench = new Bench();
    expect(bench.ask("$J=G91 X-20 F800\n")).toBe("ok");
    expect(bench.status()[0]).toBe("Jog");
    bench.tell("\x85");
    await bench.until("Idle");
    const refusals = { "G0 X": 2, G999: 20, FOO: 2, "$J=G91 X1": 22, "$130=abc": 2 };
    for (const [line, code] of Object.entries(refusals)) expect(bench.ask(`${line}\n`)).toBe(`error:${code}`);
  });

  it("is silent while it homes, and behind the alarms of its limits", async () => {
    const bench = new Bench();
    for (const line of ["$22=1", "$27=1", "$130=200", "$131=200", "$132=50", "$20=1"])
      expect(bench.ask(`${line}\n`)).toBe("ok");
    expect(bench.ask("$H\n")).toBe("");
    expect(bench.ask("?")).toBe("");
    await vi.waitFor(() => expect(bench.take()).toEqual(["ok"]), { timeout: 5000 });
    expect(bench.ask("?")).toContain("MPos:-1.000,-1.000,-1.000");
    expect(bench.ask("G90 G53 G0 X-500\n")).toBe("ALARM:2");
    await vi.waitFor(() => expect(bench.take()).toEqual(["[MSG:Reset to continue]"]));
    for (const text of ["?", "$I\n", "$X\n"]) expect(bench.ask(text)).toBe("");
    expect(bench.ask("\x18")).toBe("Grbl 1.1h ['$' for help] [MSG:'$H'|'$X' to unlock]");
    expect(bench.ask("$X\n")).toBe("[MSG:Caution: Unlocked] ok");
    bench.tell("G90 G53 G0 X-50\n");
    bench.take();
    bench.firmware.hitLimit();
    expect(bench.take()).toEqual(["ALARM:1"]);
    await vi.waitFor(() => expect(bench.take()).toEqual(["[MSG:Reset to continue]"]));
    expect(bench.ask("?")).toBe("");
    bench.tell("\x18");
    expect(bench.ask("?")).toContain("|Pn:X");
    expect(bench.ask("$X\n")).toContain("ok");
    expect(bench.ask("G91 G0 X-5\n")).toBe("ok");
  });

  it("tells whoever listens where its table is", async () => {
    const bench = new Bench();
    const places: number[] = [];
    const end = bench.firmware.motors.onMotion(() => places.push(bench.firmware.motors.place("x")));
    bench.tell("G91 G0 X-10\n");
    await bench.until("Idle");
    await vi.waitFor(() => expect(places.at(-1)).toBe(140_000));
    end();
    expect(places[0]).toBe(150_000);
    expect(places.length).toBeGreaterThan(2);
    expect(places.every((place, index) => index === 0 || place <= places[index - 1]!)).toBe(true);
  });
});
