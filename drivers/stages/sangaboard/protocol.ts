import type { Exchange, Reading } from "../exchange.js";

/**
 * The line protocol of the Sangaboard, the motor board of the OpenFlexure microscope (firmware 1.x).
 *
 * Commands end with LF, replies with CR LF. The firmware compares the beginning of a line with its commands, so a line that begins
 * with `p` is a query of the position whatever follows. Positions are whole motor steps, moves are relative. Facts from the firmware's
 * source and the clients of OpenFlexure: `version`, `blocking_moves`, `mr x y z`, `p?`, `moving?`, `stop`, `dt`.
 */

export type Steps = readonly [x: number, y: number, z: number];

export interface SangaboardVersion {
  /** The firmware's own words. */
  readonly text: string;
  readonly major: number;
  readonly minor: number;
}

const last = (lines: readonly string[]): string => lines.at(-1)?.trim() ?? "";
const value = <T>(value: T): Reading<T> => ({ value });

/** CR before LF makes controllers that wait for CR answer too, which tells that another device is there; the firmware takes the CR. */
export const askVersion: Exchange<SangaboardVersion> = {
  text: "version\r\n",
  read: (lines) => {
    const match = /^(?:Sangaboard Firmware|OpenFlexure Motor Board) v(\d{1,4})\.(\d{1,4})[\w.+-]*$/.exec(last(lines));
    return match ? value({ text: match[0], major: Number(match[1]), minor: Number(match[2]) }) : undefined;
  },
};

/** Whether `mr` answers when the way is gone: then nothing else is answered on the way, `stop` included. */
export const askBlocking: Exchange<boolean> = {
  text: "blocking_moves?\n",
  read: (lines) => {
    const match = /^blocking_moves (true|false)$/.exec(last(lines));
    return match ? value(match[1] === "true") : undefined;
  },
};

const done = (lines: readonly string[]): Reading<undefined> | undefined =>
  /^done\.?$/.test(last(lines)) ? value(undefined) : undefined;

/** Kept by the firmware beyond a power cycle: asked for only where it is not so. */
export const setNonBlocking: Exchange<undefined> = { text: "blocking_moves false\n", read: done };

/** Shortest time from step to step, us: the speed of the axis with the longest way. Kept beyond a power cycle. */
export const setStepDelay = (delayUs: number): Exchange<undefined> => ({
  text: `dt ${Math.round(delayUs)}\n`,
  read: done,
});

export const askStepDelay: Exchange<number> = {
  text: "dt?\n",
  read: (lines) => {
    const match = /^minimum step delay (\d{1,9})$/.exec(last(lines));
    return match ? value(Number(match[1])) : undefined;
  },
};

export const askPosition: Exchange<Steps> = {
  text: "p?\n",
  read: (lines) => {
    const match = /^(-?\d{1,10}) (-?\d{1,10}) (-?\d{1,10})$/.exec(last(lines));
    return match ? value([Number(match[1]), Number(match[2]), Number(match[3])] as const) : undefined;
  },
};

export const askMoving: Exchange<boolean> = {
  text: "moving?\n",
  read: (lines) => {
    const match = /^(true|false)$/.exec(last(lines));
    return match ? value(match[1] === "true") : undefined;
  },
};

/** A way from here, steps. A second one before the end of the first would take its place. */
export const move = ([x, y, z]: Steps): Exchange<undefined> => ({ text: `mr ${x} ${y} ${z}\n`, read: done });

export const halt: Exchange<undefined> = {
  text: "stop\n",
  read: (lines) => (/^(?:Move aborted|stopped|done\.?)$/.test(last(lines)) ? value(undefined) : undefined),
};
