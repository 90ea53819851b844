import type { StageAxis } from "../../contract.js";
import type { Exchange, Reading } from "../exchange.js";

/**
 * The command set that ASI's MS-2000, RM-2000 and Tiger (TG-1000) share. Commands end with CR, replies with CR LF: `:A`, with values
 * where asked, or `:N-code`; in Tiger's own syntax values carry their axis (`X=4 Y=3`) and an empty line says yes. Positions are tenths
 * of a micrometre, fractions allowed. Facts from ASI's published command descriptions and its adapters in Micro-Manager.
 */

/** The controller's letter of each axis that the stage has. */
export type AsiLetters = Partial<Readonly<Record<StageAxis, string>>>;

const errors: Readonly<Record<number, string>> = {
  1: "unknown command",
  2: "unrecognized axis",
  3: "missing parameters",
  4: "parameter out of range",
  5: "operation failed",
  6: "undefined error",
  7: "invalid card address",
  21: "halted",
};

export const errorText = (code: number): string => `:N-${code} (${errors[code] ?? "unknown"})`;

const refusal = (line: string): number | undefined => {
  const match = /^:N-(\d{1,3})$/.exec(line);
  return match ? Number(match[1]) : undefined;
};

function read<T>(lines: readonly string[], use: (line: string) => T | undefined): Reading<T> | undefined {
  const line = lines.at(-1)?.trim() ?? "";
  const code = refusal(line);
  if (code !== undefined) return { refused: errorText(code) };
  const value = use(line);
  return value === undefined ? undefined : { value };
}

/** Tenths of a micrometre, as the controller takes them. */
const tenths = (um: number): string => String(Number((um * 10).toFixed(2)));

/** Yes: `:A`, or an empty line in Tiger's syntax. */
const acknowledged = (lines: readonly string[]): Reading<true> | undefined =>
  read(lines, (line) => (line === ":A" || line === "" ? true : undefined));

export interface AsiIdentity {
  readonly text: string;
  /** Letters of the controller's motor axes. */
  readonly letters: readonly string[];
}

/** The controller's build: one line of sections between CRs. Moves nothing. */
export const askBuild: Exchange<AsiIdentity> = {
  text: "BU X\r",
  read: (lines) => {
    const said = lines.join("\r").split(/[\r\n]+/);
    const at = said.findIndex((line) => /^Motor Axes:/i.test(line.trim()));
    if (at < 0) return undefined;
    const letters = said[at]!.trim()
      .replace(/^Motor Axes:/i, "")
      .trim()
      .split(/\s+/);
    if (!letters.every((letter) => /^[A-Z]$/i.test(letter))) return undefined;
    const before = said.slice(0, at).map((line) => line.trim().replace(/^:A\s*/, ""));
    const name = before.findLast((line) => /^[\w .-]{2,60}$/.test(line) && line !== "BU X");
    return { value: { text: `ASI ${name ?? "controller"}`, letters: letters.map((letter) => letter.toUpperCase()) } };
  },
};

export const askVersion: Exchange<string> = {
  text: "V\r",
  read: (lines) => read(lines, (line) => /^(?::A )?(Version: ?[\w.-]{1,30}|v[\d.]{1,20})$/i.exec(line)?.[1]),
};

/** Of some axis a move is under way. */
export const askMoving: Exchange<boolean> = {
  text: "/\r",
  read: (lines) => read(lines, (line) => (line === "B" ? true : line === "N" ? false : undefined)),
};

const used = (letters: AsiLetters): readonly [StageAxis, string][] =>
  (["x", "y", "z"] as const).flatMap((axis) => (letters[axis] === undefined ? [] : [[axis, letters[axis]]]));

const number = "(-?\\d{1,10}(?:\\.\\d{1,6})?)";

/** Positions, um. Values without letters come in the order in which the axes were named. */
export const askPosition = (letters: AsiLetters): Exchange<Partial<Record<StageAxis, number>>> => {
  const axes = used(letters);
  const plain = new RegExp(`^:A ${axes.map(() => number).join(" ")}$`);
  return {
    text: `W ${axes.map(([, letter]) => letter).join(" ")}\r`,
    read: (lines) =>
      read(lines, (line) => {
        const match = plain.exec(line);
        if (match) return Object.fromEntries(axes.map(([axis], index) => [axis, Number(match[index + 1]) / 10]));
        const named = axes.map(
          ([axis, letter]) => [axis, new RegExp(`^(?:.* )?${letter}=${number}(?: .*)?$`, "i").exec(line)?.[1]] as const,
        );
        const isTiger = /^(?::A )?[A-Z]=-?[\d.]+(?: [A-Z]=-?[\d.]+)*$/i.test(line);
        if (!isTiger || named.some(([, text]) => text === undefined)) return undefined;
        return Object.fromEntries(named.map(([axis, text]) => [axis, Number(text) / 10]));
      }),
  };
};

const assign = (letters: AsiLetters, um: Partial<Readonly<Record<StageAxis, number>>>): string =>
  used(letters)
    .flatMap(([axis, letter]) => (um[axis] === undefined ? [] : [`${letter}=${tenths(um[axis])}`]))
    .join(" ");

/** Absolute move, um. Answered when it begins. */
export const move = (letters: AsiLetters, um: Partial<Readonly<Record<StageAxis, number>>>): Exchange<true> => ({
  text: `M ${assign(letters, um)}\r`,
  read: acknowledged,
});

/** `:N-21` says that a command was halted by it: that is yes. */
export const halt: Exchange<true> = {
  text: "\\\r",
  read: (lines) => (refusal(lines.at(-1)?.trim() ?? "") === 21 ? { value: true } : acknowledged(lines)),
};

/** Runs axes to their home place, by default beyond their upper switches: they stop there. Answered when it begins. */
export const home = (letters: AsiLetters, axes: readonly StageAxis[]): Exchange<true> => ({
  text: `! ${axes.map((axis) => letters[axis]).join(" ")}\r`,
  read: acknowledged,
});

/** Declares where axes stand, um. */
export const declare = (letters: AsiLetters, um: Partial<Readonly<Record<StageAxis, number>>>): Exchange<true> => ({
  text: `H ${assign(letters, um)}\r`,
  read: acknowledged,
});

/** Speed, mm/s. */
export const setSpeed = (letters: AsiLetters, axes: readonly StageAxis[], mmPerS: number): Exchange<true> => ({
  text: `S ${axes.map((axis) => `${letters[axis]}=${mmPerS}`).join(" ")}\r`,
  read: acknowledged,
});
