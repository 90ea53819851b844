import type { StageAxis } from "../../contract.js";
import type { Exchange, Reading } from "../exchange.js";

/**
 * GRBL 1.1: lines are answered by `ok` or `error:N`; single bytes (`?`, `!`, 0x18) are heard at any time. Lengths are mm. Facts from GRBL's
 * public description of its interface and commands, and from a transcript of the real firmware.
 */

export type GrblPlace = Readonly<Record<StageAxis, number>>;

export interface GrblStatus {
  /** `Idle`, `Run`, `Jog`, `Hold:0`, `Hold:1`, `Home`, `Alarm`, `Door:n`, `Check`, `Sleep`. */
  readonly state: string;
  /** Machine position, mm; undefined where only the work position came and its offset is not known yet. */
  readonly placeMm?: GrblPlace | undefined;
  /** Offset of the work coordinates, mm; told now and then only. */
  readonly offsetMm?: GrblPlace | undefined;
}

/** Bytes that are heard at once. */
export const feedHold = "!";
export const softReset = "\x18";

const alarms: Readonly<Record<number, string>> = {
  1: "a limit switch was hit",
  2: "the target lies outside of the controller's own soft limits",
  3: "it was reset while it moved: steps were lost",
  4: "the probe was not as expected",
  5: "the probe found nothing",
  6: "it was reset while homing",
  7: "the door was opened while homing",
  8: "homing could not clear the switch",
  9: "homing did not find the switch",
};

export const alarmText = (code: number): string => `ALARM:${code} (${alarms[code] ?? "unknown"})`;

const alarmIn = (lines: readonly string[]): Reading<never> | undefined => {
  for (const line of lines) {
    const alarm = /^ALARM:(\d{1,2})$/.exec(line.trim());
    if (alarm) return { refused: alarmText(Number(alarm[1])), alarm: true };
  }
  return undefined;
};

/** What came before `ok`; refused by `error:N`, lost by an alarm. */
const untilOk = <T>(lines: readonly string[], use: (before: readonly string[]) => T): Reading<T> | undefined => {
  const alarm = alarmIn(lines);
  if (alarm) return alarm;
  const last = lines.at(-1)?.trim() ?? "";
  const error = /^error:(\d{1,3})$/.exec(last);
  if (error) return { refused: last };
  return last === "ok" ? { value: use(lines.slice(0, -1)) } : undefined;
};

const place = (text: string): GrblPlace | undefined => {
  const numbers = text.split(",").map(Number);
  const [x, y, z = 0] = numbers;
  if (x === undefined || y === undefined || !numbers.every(Number.isFinite)) return undefined;
  return { x, y, z };
};

const scaled = ({ x, y, z }: GrblPlace, factor: number): GrblPlace => ({ x: x * factor, y: y * factor, z: z * factor });

/** @param inches whether the controller reports inches ($13=1) */
export const parseStatus = (line: string, inches: boolean, knownOffsetMm?: GrblPlace): GrblStatus | undefined => {
  const inner = /^<([A-Za-z]+(?::\d)?)((?:\|[A-Za-z]+:[^|<>]*)*)>$/.exec(line.trim());
  if (!inner) return undefined;
  const factor = inches ? 25.4 : 1;
  const fields = new Map(
    (inner[2] ?? "")
      .split("|")
      .filter((field) => field !== "")
      .map((field) => [field.slice(0, field.indexOf(":")), field.slice(field.indexOf(":") + 1)] as const),
  );
  const read = (name: string): GrblPlace | undefined => {
    const text = fields.get(name);
    const found = text === undefined ? undefined : place(text);
    return found && scaled(found, factor);
  };
  const offsetMm = read("WCO") ?? knownOffsetMm;
  const [machine, work] = [read("MPos"), read("WPos")];
  const fromWork = work && offsetMm && { x: work.x + offsetMm.x, y: work.y + offsetMm.y, z: work.z + offsetMm.z };
  return { state: inner[1]!, placeMm: machine ?? fromWork, offsetMm };
};

export const askStatus = (inches: boolean, knownOffsetMm?: GrblPlace): Exchange<GrblStatus> => ({
  text: "?",
  read: (lines) => {
    const status = parseStatus(lines.at(-1) ?? "", inches, knownOffsetMm);
    return status ? { value: status } : alarmIn(lines);
  },
});

/** What it says to lines that are for a standing machine. */
export const notWhileMoving = "error:8";

/** Version, e.g. `1.1h`. Moves nothing; answered where it stands, locked or not, but not in a hold or behind a limit alarm. */
export const askVersion: Exchange<string> = {
  text: "$I\n",
  read: (lines) => {
    const found = lines.map((line) => /^\[VER:(\d+\.\d+[a-z]?)/.exec(line.trim())).find((match) => match !== null);
    const reading = untilOk(lines, () => found?.[1]);
    if (reading === undefined || !("value" in reading)) return reading;
    // `ok` alone is also what other firmware says.
    return reading.value === undefined ? { refused: "ok" } : { value: reading.value };
  },
};

export const askSettings: Exchange<ReadonlyMap<number, number>> = {
  text: "$$\n",
  read: (lines) =>
    untilOk(lines, (before) => {
      const found = before.flatMap((line) => {
        const match = /^\$(\d{1,3})=(-?\d+(?:\.\d+)?)/.exec(line.trim());
        return match ? [[Number(match[1]), Number(match[2])] as const] : [];
      });
      return new Map(found);
    }),
};

const done = (lines: readonly string[]): Reading<true> | undefined => untilOk(lines, () => true as const);

/** An absolute move in machine coordinates, mm. */
export const move = (target: Partial<GrblPlace>, speedMmPerMin: number | undefined): Exchange<true> => {
  const words = (["x", "y", "z"] as const).flatMap((axis) =>
    target[axis] === undefined ? [] : [`${axis.toUpperCase()}${target[axis].toFixed(4)}`],
  );
  const how = speedMmPerMin === undefined ? "G0" : `G1F${speedMmPerMin.toFixed(1)}`;
  return { text: `G21G90G53${how}${words.join("")}\n`, read: done };
};

/** Answered when the switches are found; nothing else is answered meanwhile. */
export const homeAll: Exchange<true> = { text: "$H\n", read: done };

/** What it says when it was started or reset. */
export const isGreeting = (line: string): boolean => /^Grbl \d/.test(line.trim());

/** After a soft reset: its greeting. */
export const reset: Exchange<true> = {
  text: softReset,
  read: (lines) => (isGreeting(lines.at(-1) ?? "") ? { value: true } : undefined),
};
