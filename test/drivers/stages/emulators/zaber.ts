import type { StageAxis } from "../../../../drivers/contract.js";
import { checksum } from "../../../../drivers/stages/zaber/protocol.js";
import { LineFirmware } from "./lineFirmware.js";
import type { MotorOptions } from "./motors.js";

export interface ZaberOptions extends MotorOptions {
  /** Which axis of which device is which of the stage's: "device axis". */
  readonly chain?: Readonly<Record<string, StageAxis>>;
  readonly checksums?: boolean;
  readonly alerts?: boolean;
  /** Since power up there is no reference. */
  readonly referenced?: boolean;
}

interface Place {
  readonly device: number;
  readonly axis: number;
  /** Of the message, which the reply repeats. */
  readonly id?: string | undefined;
}

/** A chain of Zaber devices (firmware 7): what does not begin with `/` is not for it. Counters are microsteps. */
export class ZaberFirmware extends LineFirmware {
  readonly #chain: ReadonlyMap<string, StageAxis>;
  readonly #checksums: boolean;
  readonly #alerts: boolean;
  readonly #settings = new Map<string, string>();
  /** Axes without a reference. */
  readonly #lost = new Set<StageAxis>();
  /** Axes that stalled. */
  readonly stalled = new Set<StageAxis>();

  constructor({ chain, checksums = false, alerts = false, referenced = false, ...options }: ZaberOptions = {}) {
    super("\r\n", options);
    this.#chain = new Map(Object.entries(chain ?? { "1 1": "x", "1 2": "y", "2 1": "z" }));
    this.#checksums = checksums;
    this.#alerts = alerts;
    if (!referenced) for (const axis of this.#chain.values()) this.#lost.add(axis);
    // The counter begins at the place where a device without reference is switched on.
    if (referenced) for (const axis of this.#chain.values()) this.motors.declare(axis, this.motors.place(axis));
  }

  protected handle(raw: string): void {
    const [line = "", sum, more] = raw.split(":");
    // A message whose checksum is wrong is not obeyed, nor answered.
    if (more !== undefined || (sum !== undefined && sum.toUpperCase() !== checksum(line.slice(1)))) return;
    const match = /^\/\s*(?:(\d{1,2})(?:\s+(\d)(?:\s+(\d{1,2}))?)?)?(?:\s+([a-z].*)|\s*)$|^\/\s*([a-z].*)$/.exec(line);
    if (!match) return;
    const text = (match[4] ?? match[5] ?? "").trim();
    const devices = [...new Set([...this.#chain.keys()].map((key) => Number(key.split(" ")[0])))];
    const wanted = Number(match[1] ?? 0);
    for (const device of devices)
      if (wanted === 0 || wanted === device) this.#obey({ device, axis: Number(match[2] ?? 0), id: match[3] }, text);
  }

  #axesOf({ device, axis }: Place): readonly StageAxis[] {
    return [...this.#chain].flatMap(([key, name]) => {
      const [ofDevice, ofAxis] = key.split(" ").map(Number);
      return ofDevice === device && (axis === 0 || axis === ofAxis) ? [name] : [];
    });
  }

  #reply(to: Place, flag: "OK" | "RJ", data: string): void {
    const axes = this.#axesOf(to);
    const busy = axes.some((axis) => this.motors.moving(axis)) ? "BUSY" : "IDLE";
    const stalled = axes.some((axis) => this.stalled.has(axis));
    const warning = stalled ? "FS" : axes.some((axis) => this.#lost.has(axis)) ? "WR" : "--";
    const id = to.id === undefined ? "" : ` ${to.id.padStart(2, "0")}`;
    this.#send("@", `${String(to.device).padStart(2, "0")} ${to.axis}${id} ${flag} ${busy} ${warning} ${data}`);
  }

  #send(type: "@" | "!", body: string): void {
    this.send(`${type}${body}${this.#checksums ? `:${checksum(body)}` : ""}\r\n`);
  }

  #obey(to: Place, text: string): void {
    const axes = this.#axesOf(to);
    if (axes.length === 0) {
      this.#reply(to, "RJ", "BADAXIS");
      return;
    }
    const [word, ...args] = text.split(/\s+/);
    if (word === "" || word === undefined) this.#reply(to, "OK", "0");
    else if (word === "get") this.#get(to, args[0] ?? "", axes);
    else if (word === "set") this.#set(to, args, axes);
    else if (word === "move") this.#move(to, args, axes);
    else if (word === "stop" || word === "estop") {
      this.motors.halt();
      this.#reply(to, "OK", "0");
    } else if (word === "home") this.#home(to, axes);
    else this.#reply(to, "RJ", "BADCOMMAND");
  }

  #get(to: Place, name: string, axes: readonly StageAxis[]): void {
    const { motors } = this;
    const of = (value: (axis: StageAxis) => number) => this.#reply(to, "OK", axes.map(value).join(" "));
    if (name === "pos") of((axis) => motors.counter(axis));
    else if (name === "limit.min") of(() => 0);
    else if (name === "limit.max") of((axis) => motors.travel[axis]);
    else if (name === "version") this.#reply(to, "OK", "7.38");
    else if (name === "deviceid" || name === "device.id") this.#reply(to, "OK", "50419");
    else if (name === "system.axiscount")
      this.#reply(to, "OK", String(this.#axesOf({ device: to.device, axis: 0 }).length));
    else if (this.#settings.has(name)) this.#reply(to, "OK", this.#settings.get(name)!);
    else this.#reply(to, "RJ", "BADCOMMAND");
  }

  #set(to: Place, [name = "", value = ""]: readonly string[], axes: readonly StageAxis[]): void {
    if (!/^-?\d+$/.test(value)) {
      this.#reply(to, "RJ", "BADDATA");
      return;
    }
    if (name === "pos") {
      if (axes.some((axis) => this.motors.moving(axis))) {
        this.#reply(to, "RJ", "STATUSBUSY");
        return;
      }
      for (const axis of axes) {
        this.motors.declare(axis, Number(value));
        this.#lost.delete(axis);
      }
    } else if (name === "maxspeed") this.motors.speed = Number(value) / 1.6384;
    else {
      this.#reply(to, "RJ", "BADCOMMAND");
      return;
    }
    this.#reply(to, "OK", "0");
  }

  #move(to: Place, [kind, text = ""]: readonly string[], axes: readonly StageAxis[]): void {
    const value = Number(text);
    if ((kind !== "abs" && kind !== "rel") || !Number.isInteger(value)) {
      this.#reply(to, "RJ", "BADDATA");
      return;
    }
    const targets = axes.map((axis) => [axis, value + (kind === "rel" ? this.motors.counter(axis) : 0)] as const);
    const outside = targets.some(
      ([axis, target]) => !this.#lost.has(axis) && (target < 0 || target > this.motors.travel[axis]),
    );
    if (outside) {
      this.#reply(to, "RJ", "BADDATA");
      return;
    }
    for (const [axis, target] of targets) this.motors.moveTo(axis, target);
    this.#reply(to, "OK", "0");
    this.#atRest(to, axes, () => undefined);
  }

  #home(to: Place, axes: readonly StageAxis[]): void {
    for (const axis of axes) this.motors.runToSwitch(axis, "lower");
    this.#reply(to, "OK", "0");
    this.#atRest(to, axes, () => {
      for (const axis of axes) {
        if (!this.motors.atSwitch(axis)) continue;
        this.motors.declare(axis, 0);
        this.#lost.delete(axis);
      }
    });
  }

  #atRest(to: Place, axes: readonly StageAxis[], then: () => void): void {
    if (axes.some((axis) => this.motors.moving(axis))) {
      setTimeout(() => this.#atRest(to, axes, then), 2);
      return;
    }
    then();
    if (this.#alerts) this.#send("!", `${String(to.device).padStart(2, "0")} ${to.axis} IDLE --`);
  }
}
