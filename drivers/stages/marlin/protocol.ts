import type { StageAxis } from "../../contract.js";
import type { Exchange, Reading } from "../exchange.js";

/**
 * Marlin 2: each command is answered by `ok` when it was taken over, a move long before it is there; `M400` waits for the moves, and what comes
 * behind it waits with it. `M410` is heard at once, whatever waits. A command with a number and a checksum is refused where a byte of it
 * was garbled. Lengths are mm, with two decimals; counts are steps. Facts from Marlin's public source and its description of commands.
 */

export type MarlinPlace = Readonly<Record<StageAxis, number>>;

export interface MarlinIdentity {
  /** As it tells it: `2.1.2.5`, `bugfix-2.1.x`. */
  readonly version: string;
  readonly major: number;
}

export interface MarlinReport {
  readonly placeMm: MarlinPlace;
  /** Steps of the motors; undefined where motors and axes are not the same. */
  readonly counts?: MarlinPlace | undefined;
}

/** Ends all moves, as fast as the motors can. Heard at once also where other commands wait. */
export const quickStop = "M410\n";

/** A command was carried out. */
export const isOk = (line: string): boolean => /^ok(?: [NPB]\d+)*$/.test(line.trim());

/** What only a reset ends. */
export const isHalted = (line: string): boolean =>
  /^Error:.*(?:halted|kill\(\)|stopped due to errors)/i.test(line.trim());

/** What it says when it was started. */
export const isStart = (line: string): boolean => line.trim() === "start";

const refusals = [/^Error:(.+)$/, /^echo:(Unknown command: .+)$/, /^echo:(Home .+ First)$/i, /^(Resend: ?\d+)$/];

const refusalIn = (lines: readonly string[]): string | undefined => {
  for (const line of lines) {
    for (const refusal of refusals) {
      const words = refusal.exec(line.trim())?.[1];
      if (words !== undefined) return words;
    }
  }
  return undefined;
};

/** What came before `ok`: refused where it complains. */
const untilOk = <T>(lines: readonly string[], use: (before: readonly string[]) => T): Reading<T> | undefined => {
  const halted = lines.find(isHalted);
  if (halted !== undefined) return { refused: halted.trim().slice("Error:".length), alarm: true };
  if (!isOk(lines.at(-1) ?? "")) return undefined;
  const refused = refusalIn(lines);
  return refused === undefined ? { value: use(lines.slice(0, -1)) } : { refused };
};

const done = (lines: readonly string[]): Reading<true> | undefined => untilOk(lines, () => true as const);

/** Moves nothing. */
export const askIdentity: Exchange<MarlinIdentity> = {
  text: "M115\n",
  read: (lines) => {
    const reading = untilOk(lines, (before) =>
      before
        .map((line) => /^FIRMWARE_NAME:Marlin ((?:bugfix-)?(\d{1,2})\.[\w.-]*)/.exec(line.trim()))
        .find((match) => match !== null),
    );
    if (reading === undefined || !("value" in reading)) return reading;
    // `ok` alone is also what other firmware says.
    if (!reading.value) return { refused: lines.find((line) => line.trim() !== "")?.trim() ?? "ok" };
    return { value: { version: reading.value[1]!, major: Number(reading.value[2]) } };
  },
};

/** Steps of each axis to a mm, where it tells them. */
export const askStepsPerMm: Exchange<MarlinPlace | undefined> = {
  text: "M92\n",
  read: (lines) =>
    untilOk(lines, (before) => {
      for (const line of before) {
        const found = /^(?:echo:)?\s*M92 X(\d+(?:\.\d+)?) Y(\d+(?:\.\d+)?) Z(\d+(?:\.\d+)?)(?: |$)/.exec(line.trim());
        const [x = 0, y = 0, z = 0] = found?.slice(1).map(Number) ?? [];
        if (x > 0 && y > 0 && z > 0) return { x, y, z };
      }
      return undefined;
    }),
};

export const parseReport = (line: string): MarlinReport | undefined => {
  const number = "(-?\\d+\\.\\d+)";
  const form = `^X:${number} Y:${number} Z:${number}(?: [A-Z]:-?\\d+\\.\\d+)*(?: Count (.*))?$`;
  const found = new RegExp(form).exec(line.trim());
  if (!found) return undefined;
  const placeMm = { x: Number(found[1]), y: Number(found[2]), z: Number(found[3]) };
  if (found[4] === undefined) return { placeMm };
  const counts = /^([A-Z]):(-?\d+) ([A-Z]):(-?\d+) ([A-Z]):(-?\d+)$/.exec(found[4].trim());
  // A report that ends otherwise was garbled.
  if (!counts) return undefined;
  const own = counts[1] === "X" && counts[3] === "Y" && counts[5] === "Z";
  return { placeMm, counts: own ? { x: Number(counts[2]), y: Number(counts[4]), z: Number(counts[6]) } : undefined };
};

/** Where it is: of its motors now where it was built for that (`R`), else at the end of all moves. */
export const askReport: Exchange<MarlinReport> = {
  text: "M114 R\n",
  read: (lines) => {
    const reading = untilOk(lines, (before) => before.map(parseReport).findLast((report) => report !== undefined));
    if (reading === undefined || !("value" in reading)) return reading;
    // The `ok` of an earlier command.
    return reading.value === undefined ? undefined : { value: reading.value };
  },
};

/**
 * A place by its steps, which are finer than the two decimals of mm; where those of a report do not belong together, as after G92, by the
 * decimals.
 */
export const placeOf = ({ placeMm, counts }: MarlinReport, stepsPerMm: MarlinPlace | undefined): MarlinPlace => {
  if (!counts || !stepsPerMm) return placeMm;
  const counted = { x: counts.x / stepsPerMm.x, y: counts.y / stepsPerMm.y, z: counts.z / stepsPerMm.z };
  const near = (axis: StageAxis): boolean => Math.abs(counted[axis] - placeMm[axis]) < 0.01 + 1 / stepsPerMm[axis];
  return near("x") && near("y") && near("z") ? counted : placeMm;
};

/** Places in mm from the origin; tells every second that it is busy, while it is. */
export const setMillimetres: Exchange<true> = { text: "G21\n", read: done };
export const setAbsolute: Exchange<true> = { text: "G90\n", read: done };
export const setKeepAlive: Exchange<true> = { text: "M113 S1\n", read: done };

const checksum = (text: string): number => [...text].reduce((sum, character) => sum ^ character.charCodeAt(0), 0);

/** The next command's number is one more. */
export const setLineNumber = (number: number): Exchange<true> => ({ text: `M110 N${number}\n`, read: done });

/** An absolute move, mm, with its number and checksum. */
export const move = (number: number, target: Partial<MarlinPlace>, speedMmPerMin: number): Exchange<true> => {
  const words = (["x", "y", "z"] as const).flatMap((axis) =>
    target[axis] === undefined ? [] : [` ${axis.toUpperCase()}${target[axis].toFixed(4)}`],
  );
  const text = `N${number} G0 F${speedMmPerMin.toFixed(1)}${words.join("")}`;
  return { text: `${text}*${checksum(text)}\n`, read: done };
};

/** Said by the controller itself where a mark is due. */
const mark = (id: number): string => `cytostream ${id}`;
export const isMark = (line: string, id: number): boolean => line.trim() === mark(id);

/** Lets it say the mark when all moves have ended. */
export const markWhenStill = (id: number): string => `M400\nM118 ${mark(id)}\n`;
export const markAgain = (id: number): string => `M118 ${mark(id)}\n`;
/** Lets it look for the switches of x and y, and say the mark at the end. */
export const homeAndMark = (id: number): string => `G28 X Y\nM118 ${mark(id)}\n`;
