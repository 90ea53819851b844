import type { StageAxis } from "../../contract.js";
import type { Exchange, Reading } from "../exchange.js";

/**
 * The high-level command set of the Ludl MAC 5000 and 6000. Commands end with CR, replies with LF: `:A`, with values where asked, or
 * `:N -code`. `STATUS` is answered by one letter without an end of line, `B` or `N`. Positions are motor steps. Facts from the Ludl
 * adapter of Micro-Manager and public drivers for the controller.
 */

export type LudlLetters = Partial<Readonly<Record<StageAxis, string>>>;
type Steps = Partial<Readonly<Record<StageAxis, number>>>;

const errors: Readonly<Record<number, string>> = {
  1: "unknown command",
  2: "illegal axis or module",
  3: "not enough parameters",
  4: "parameter out of range",
  5: "operation failed",
  6: "undefined error",
  21: "halted",
};

export const errorText = (code: number): string => `:N -${code} (${errors[code] ?? "unknown"})`;

const refusal = (line: string): number | undefined => {
  const match = /^:N -(\d{1,3})$/.exec(line);
  return match ? Number(match[1]) : undefined;
};

function read<T>(lines: readonly string[], use: (line: string) => T | undefined): Reading<T> | undefined {
  const line = lines.at(-1)?.trim() ?? "";
  const code = refusal(line);
  if (code !== undefined) return { refused: errorText(code) };
  const value = use(line);
  return value === undefined ? undefined : { value };
}

const acknowledged = (lines: readonly string[]): Reading<true> | undefined =>
  read(lines, (line) => (line === ":A" ? true : undefined));

/** Chooses the high-level commands; not answered. */
export const highLevel: Uint8Array = Uint8Array.of(0xff, 0x41);

export interface LudlIdentity {
  readonly text: string;
  /** Letters of the motor modules that are fitted. */
  readonly letters: readonly string[];
}

/** The table of the fitted modules, which ends with `:A`. Moves nothing. */
export const askModules: Exchange<LudlIdentity> = {
  text: "RCONFIG\r",
  read: (lines) => {
    const said = lines.map((line) => line.trim());
    const code = refusal(said.at(-1) ?? "");
    if (code !== undefined) return { refused: errorText(code) };
    const rows = said.map((line) => /^\d{1,2}\s+EMOT\s+([A-Z])\b/i.exec(line)?.[1]?.toUpperCase());
    const letters = rows.filter((letter) => letter !== undefined);
    const ended = said.lastIndexOf(":A") > rows.findLastIndex((letter) => letter !== undefined);
    return letters.length > 0 && ended ? { value: { text: "Ludl MAC", letters } } : undefined;
  },
};

/** The version stands in the reply or on a line before it. */
export const askVersion: Exchange<string> = {
  text: "VER\r",
  read: (lines) => {
    const said = lines.map((line) => line.trim());
    const code = refusal(said.at(-1) ?? "");
    if (code !== undefined) return { refused: errorText(code) };
    if (!said.at(-1)?.startsWith(":A")) return undefined;
    const text = [...said].reverse().map((line) => /^(?::A )?(.*\d.*)$/.exec(line)?.[1]);
    const found = text.find((line) => line !== undefined && /^[\x20-\x7e]{1,80}$/.test(line));
    return found === undefined ? undefined : { value: found };
  },
};

/** Whether one axis moves: it is asked alone, as the reply is one letter. */
export const askMoving = (letter: string): Exchange<boolean> => ({
  text: `STATUS ${letter}\r`,
  read: (lines) => read(lines, (line) => (line === "B" ? true : line === "N" ? false : undefined)),
});

const used = (letters: LudlLetters): readonly [StageAxis, string][] =>
  (["x", "y", "z"] as const).flatMap((axis) => (letters[axis] === undefined ? [] : [[axis, letters[axis]]]));

/** Positions, steps, in the order in which the axes were named. */
export const askPosition = (letters: LudlLetters): Exchange<Partial<Record<StageAxis, number>>> => {
  const axes = used(letters);
  const values = new RegExp(`^:A ${axes.map(() => "(-?\\d{1,10})").join(" ")}$`);
  return {
    text: `WHERE ${axes.map(([, letter]) => letter).join(" ")}\r`,
    read: (lines) =>
      read(lines, (line) => {
        const match = values.exec(line);
        return match ? Object.fromEntries(axes.map(([axis], index) => [axis, Number(match[index + 1])])) : undefined;
      }),
  };
};

const assign = (letters: LudlLetters, steps: Steps): string =>
  used(letters)
    .flatMap(([axis, letter]) => (steps[axis] === undefined ? [] : [`${letter}=${Math.round(steps[axis])}`]))
    .join(" ");

/** Absolute move, steps. Answered when it begins. */
export const move = (letters: LudlLetters, steps: Steps): Exchange<true> => ({
  text: `MOVE ${assign(letters, steps)}\r`,
  read: acknowledged,
});

/** Declares where axes stand, steps. */
export const declare = (letters: LudlLetters, steps: Steps): Exchange<true> => ({
  text: `HERE ${assign(letters, steps)}\r`,
  read: acknowledged,
});

/** Speed, steps/s. */
export const setSpeed = (letters: LudlLetters, steps: Steps): Exchange<true> => ({
  text: `SPEED ${assign(letters, steps)}\r`,
  read: acknowledged,
});

/** Ends all moves. `:N -21` says that a command was halted by it: that is yes. */
export const halt: Exchange<true> = {
  text: "HALT\r",
  read: (lines) => (refusal(lines.at(-1)?.trim() ?? "") === 21 ? { value: true } : acknowledged(lines)),
};

/** Runs axes to their negative switches. May answer when it begins or when they are there. */
export const home = (letters: LudlLetters, axes: readonly StageAxis[]): Exchange<true> => ({
  text: `HOME ${axes.map((axis) => letters[axis]).join(" ")}\r`,
  read: acknowledged,
});
