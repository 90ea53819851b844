import type { StageAxis } from "../../contract.js";
import type { Exchange, Reading } from "../exchange.js";

/**
 * The line protocol of the Prior ProScan II and III in standard mode (`COMP 0`): commands and replies end with CR, `G` is answered by
 * `R` when the move begins, errors are `E,n`. Positions are whole steps of the size that `RES,s` and `RES,Z` tell, um. Facts from the
 * Prior adapter of Micro-Manager and public descriptions of the command set.
 */

export type PriorSteps = Readonly<Record<StageAxis, number>>;

/** What `E,n` means. */
const errors: Readonly<Record<number, string>> = {
  1: "no stage",
  2: "not idle",
  3: "no drive",
  4: "string parse",
  5: "command not found",
  7: "no focus",
  8: "value out of range",
  10: "first argument out of range",
  11: "second argument out of range",
  12: "third argument out of range",
  16: "incorrect state",
  18: "queue full",
  19: "compatibility mode set",
  21: "invalid checksum",
};

export const errorText = (code: number): string => `E,${code} (${errors[code] ?? "unknown"})`;

/** The last line, unless it is an error. */
function read<T>(lines: readonly string[], use: (line: string) => T | undefined): Reading<T> | undefined {
  const line = lines.at(-1)?.trim() ?? "";
  const error = /^E,(\d{1,3})$/.exec(line);
  if (error) return { refused: errorText(Number(error[1])) };
  const value = use(line);
  return value === undefined ? undefined : { value };
}

const expect =
  (word: string) =>
  (lines: readonly string[]): Reading<true> | undefined =>
    read(lines, (line) => (line === word ? true : undefined));

export interface PriorIdentity {
  /** First line of the description: `PROSCAN INFORMATION`. */
  readonly text: string;
  readonly hasStage: boolean;
  readonly hasFocus: boolean;
}

/** A description of several lines up to `END`. Moves nothing, in either mode. */
export const askIdentity: Exchange<PriorIdentity> = {
  text: "?\r",
  read: (lines) => {
    const trimmed = lines.map((line) => line.trim());
    const from = trimmed.findIndex((line) => /^(?:PROSCAN|OPTISCAN)\b.*INFORMATION$/i.test(line));
    if (from < 0 || !trimmed.slice(from).includes("END")) return undefined;
    const said = (name: string) => trimmed.find((line) => line.toUpperCase().startsWith(`${name} =`));
    const fitted = (name: string) => {
      const line = said(name);
      return line !== undefined && !/= *NONE$/i.test(line);
    };
    return { value: { text: trimmed[from]!, hasStage: fitted("STAGE"), hasFocus: fitted("FOCUS") } };
  },
};

/** In compatibility mode `R` would come at the end of a move. Not kept beyond a power cycle. */
export const setStandardMode: Exchange<true> = { text: "COMP 0\r", read: expect("0") };

/** Size of a step, um: `s` of the stage, `Z` of the focus. The sign is the direction's, and may be negative. */
export const askResolution = (axis: "s" | "Z"): Exchange<number> => ({
  text: `RES,${axis}\r`,
  read: (lines) => read(lines, (line) => (/^-?\d{1,6}(?:\.\d{1,9})?$/.test(line) ? Number(line) : undefined)),
});

/** Greatest speed, percent of what the controller can. */
export const setSpeed = (which: "SMS" | "SMZ", percent: number): Exchange<true> => ({
  text: `${which},${Math.round(percent)}\r`,
  read: expect("0"),
});

export const askPosition: Exchange<PriorSteps> = {
  text: "P\r",
  read: (lines) =>
    read(lines, (line) => {
      const match = /^(-?\d{1,10}),(-?\d{1,10}),(-?\d{1,10})$/.exec(line);
      return match ? { x: Number(match[1]), y: Number(match[2]), z: Number(match[3]) } : undefined;
    }),
};

/** Bits 0 to 2: x, y, z move. Others are filter wheels. */
export const askMoving: Exchange<boolean> = {
  text: "$\r",
  read: (lines) => read(lines, (line) => (/^\d{1,3}$/.test(line) ? (Number(line) & 7) !== 0 : undefined)),
};

const started = expect("R");

/**
 * Absolute moves, steps; one command where axes move together. `G` with two places leaves z alone; with three it moves it.
 * @param here where the axes that are left out stand: `G` names x and y always
 */
export function move(target: Partial<PriorSteps>, here: PriorSteps): Exchange<true> {
  const { x, y, z } = target;
  if (x === undefined && y === undefined) return { text: `V,${z ?? here.z}\r`, read: started };
  if (z !== undefined) return { text: `G,${x ?? here.x},${y ?? here.y},${z}\r`, read: started };
  if (y === undefined) return { text: `GX,${x}\r`, read: started };
  if (x === undefined) return { text: `GY,${y}\r`, read: started };
  return { text: `G,${x},${y}\r`, read: started };
}

/** Ends the move with the ramp that keeps the steps, and empties the queue. */
export const halt: Exchange<true> = { text: "I\r", read: started };

/** Looks for the stage's switches and makes them the origin of x and y. May answer when it begins or when it is there. */
export const initialiseStage: Exchange<true> = { text: "SIS\r", read: started };

/** Declares where x and y stand, or z. */
export const declareStage = (x: number, y: number): Exchange<true> => ({ text: `PS,${x},${y}\r`, read: expect("0") });
export const declareFocus = (z: number): Exchange<true> => ({ text: `PZ,${z}\r`, read: expect("0") });
