import type { StageAxis } from "../../contract.js";
import type { Exchange, Reading } from "../exchange.js";

/**
 * The native instruction set of Maerzhaeuser's Tango controllers. Instructions and replies end with CR. `!` sets and is not answered
 * while `autostatus` is 0, `?` asks; whether an instruction was taken tells `?err` (0: yes). With `!dim 1` positions are um. Facts from
 * Maerzhaeuser's adapter in Micro-Manager and public drivers for the controller.
 */

const errors: Readonly<Record<number, string>> = {
  1: "no valid axis name",
  2: "no executable instruction",
  3: "too many characters in command line",
  4: "invalid instruction",
  5: "number is not inside allowed range",
  6: "wrong number of parameters",
  7: "! or ? is missing or not allowed",
  10: "function not configured",
  11: "no move instruction possible, while joystick enabled",
  12: "limit switch actuated",
  14: "error during calibration (limit switch not released)",
  15: "error during calibration (opposing limit switch actuated)",
  21: "multiple axis moves are forbidden (e.g. during initialization)",
  22: "automatic or manual move is not allowed (e.g. door open or initialization)",
  27: "emergency STOP is active",
  29: "servo amplifiers are disabled (switched off)",
  30: "safety circuit out of order",
  32: "move discarded, target outside limit",
};

/** Faults that only a person can clear. */
const alarms = new Set([22, 27, 29, 30]);

export const errorText = (code: number): string => `error ${code} (${errors[code] ?? "unknown"})`;

const read = <T>(lines: readonly string[], use: (line: string) => T | undefined): Reading<T> | undefined => {
  const value = use(lines.at(-1)?.trim() ?? "");
  return value === undefined ? undefined : { value };
};

export const askVersion: Exchange<string> = {
  text: "?version\r",
  read: (lines) => read(lines, (line) => /^TANGO[\w -]*,.{1,100}$/i.exec(line)?.[0]),
};

/** Number of axes: bits 4 to 7 of the equipment's word. */
export const askAxisCount: Exchange<number> = {
  text: "?det\r",
  read: (lines) => read(lines, (line) => (/^\d{1,9}$/.test(line) ? (Number(line) >> 4) & 0x0f : undefined)),
};

/** Instructions that are not answered; what became of them tells `askError`. */
export const quiet = "!autostatus 0\r";
export const clearErrors = "!err\r";
export const micrometres = (axes: readonly StageAxis[]): string => `!dim ${axes.map(() => "1").join(" ")}\r`;

const um = (value: number): string => String(Number(value.toFixed(4)));
const each = (word: string, values: Partial<Readonly<Record<StageAxis, number>>>): string =>
  (["x", "y", "z"] as const)
    .flatMap((axis) => (values[axis] === undefined ? [] : [`!${word} ${axis} ${um(values[axis])}\r`]))
    .join("");

/**
 * Absolute move, um: one instruction for axes that begin with x, so that they move together; one each otherwise.
 */
export function move(target: Partial<Readonly<Record<StageAxis, number>>>): string {
  const { x, y, z } = target;
  if (x === undefined || y === undefined) return each("moa", target);
  return `!moa ${um(x)} ${um(y)}${z === undefined ? "" : ` ${um(z)}`}\r`;
}

/** Declares where axes stand, um. */
export const declare = (position: Partial<Readonly<Record<StageAxis, number>>>): string => each("pos", position);

/** Speed, mm/s: in the dimension of 9, which makes it that. Positions need `micrometres` afterwards. */
export const setSpeed = (axes: readonly StageAxis[], mmPerS: number): string =>
  axes.map((axis) => `!dim ${axis} 9\r!vel ${axis} ${mmPerS}\r`).join("");

/** Looks for the lower switches, which become the origin. */
export const calibrate = (axes: readonly StageAxis[]): string => axes.map((axis) => `!cal ${axis}\r`).join("");

/** Ends all moves. */
export const abort = "!a\r";

export const askError: Exchange<true> = {
  text: "?err\r",
  read: (lines) => {
    const line = lines.at(-1)?.trim() ?? "";
    if (!/^\d{1,3}$/.test(line)) return undefined;
    const code = Number(line);
    return code === 0 ? { value: true } : { refused: errorText(code), alarm: alarms.has(code) };
  },
};

const number = "(-?\\d{1,9}(?:\\.\\d{1,6})?)";

/** Positions of the first axes, um. */
export const askPosition = (axes: readonly StageAxis[]): Exchange<Partial<Record<StageAxis, number>>> => ({
  text: "?pos\r",
  read: (lines) =>
    read(lines, (line) => {
      const match = new RegExp(`^${number} ${number}(?: ${number})?(?: ${number})?$`).exec(line);
      if (!match || axes.some((_, index) => match[index + 1] === undefined)) return undefined;
      return Object.fromEntries(axes.map((axis, index) => [axis, Number(match[index + 1])]));
    }),
});

/** Whether some axis moves. One letter an axis: `M` moves, `F` is at fault, `S` stopped by a switch, `E` failed to calibrate. */
export const askMoving: Exchange<boolean> = {
  text: "?statusaxis\r",
  read: (lines) => {
    const line = lines.at(-1)?.trim() ?? "";
    if (!/^[@MJCSADEUTF-]{1,6}\.?$/.test(line)) return undefined;
    if (line.includes("F")) return { refused: `axis at fault (${line})`, alarm: true };
    return { value: line.includes("M") };
  },
};

/** Whether all of the first axes were calibrated since power came: bit 0 of each word. */
export const askCalibrated = (axes: readonly StageAxis[]): Exchange<boolean> => ({
  text: "?calst\r",
  read: (lines) =>
    read(lines, (line) => {
      if (!/^\d{1,3}(?: \d{1,3}){0,3}$/.test(line)) return undefined;
      const words = line.split(" ").map(Number);
      return words.length < axes.length ? undefined : words.slice(0, axes.length).every((word) => (word & 1) === 1);
    }),
});
