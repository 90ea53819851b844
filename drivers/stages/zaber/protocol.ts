import type { Exchange, Reading } from "../exchange.js";

/**
 * Zaber's ASCII protocol (firmware 6 and 7): `/device axis id command` LF, answered by `@device axis id flag status warning data` CR LF,
 * for example `@01 1 20 OK BUSY WR 0`. Commands may end with a checksum (`:hh`), and are passed over by the device where it is wrong: those
 * here do, so that a byte that was garbled on the way moves nothing. Replies carry one where `comm.checksum` is on; it is verified.
 * Alerts (`!`) and information (`#`) come unasked. Positions are microsteps. Facts from Zaber's published protocol, its adapter in
 * Micro-Manager, and public libraries for it.
 */

/** An axis in a chain of devices. */
export interface ZaberAxis {
  /** Address of the device, 1 to 99. */
  readonly device: number;
  /** Axis of the device, 1 to 9. */
  readonly axis: number;
}

export interface ZaberReply {
  readonly device: number;
  readonly axis: number;
  /** That of the command, where it had one. */
  readonly id: number | undefined;
  readonly accepted: boolean;
  readonly busy: boolean;
  /** Of the highest priority; `--` where none. */
  readonly warning: string;
  readonly data: string;
}

/** The sum of the bytes and the checksum is 0 modulo 256. */
export function checksum(body: string): string {
  let sum = 0;
  for (let index = 0; index < body.length; index++) sum += body.charCodeAt(index);
  return (-sum & 0xff).toString(16).toUpperCase().padStart(2, "0");
}

/** A reply, unless the line is something else or its checksum is wrong. */
export function parseReply(line: string): ZaberReply | undefined {
  const match =
    /^@((\d{2}) (\d)(?: (\d{1,2}))? (OK|RJ) (IDLE|BUSY) (--|[A-Z][A-Z0-9]) ([\x20-\x39\x3b-\x7e]{1,200}))(?::([0-9A-Fa-f]{2}))?$/.exec(
      line,
    );
  if (!match) return undefined;
  const [, body, device, axis, id, flag, status, warning, data, sum] = match;
  if (sum !== undefined && checksum(body!) !== sum.toUpperCase()) return undefined;
  return {
    device: Number(device),
    axis: Number(axis),
    id: id === undefined ? undefined : Number(id),
    accepted: flag === "OK",
    busy: status === "BUSY",
    warning: warning!,
    data: data!.trim(),
  };
}

const rejections: Readonly<Record<string, string>> = {
  BADAXIS: "no such axis",
  BADCOMMAND: "unknown command or setting",
  BADDATA: "data out of range",
  DEVICEONLY: "not for one axis",
  DRIVERDISABLED: "driver disabled",
  INACTIVE: "peripheral not active",
  LOCKSTEP: "axis in a lockstep group",
  NOACCESS: "not at this access level",
  NOTSUPPORTED: "peripheral not supported",
  PARKED: "parked",
  STATUSBUSY: "busy",
};

/** Faults after which nothing moves, or the position is not to be trusted, until a person cleared the way. */
const faults: Readonly<Record<string, string>> = {
  FB: "move out of bounds",
  FD: "driver disabled",
  FE: "limit sensor cannot be reached",
  FH: "hardware emergency stop",
  FN: "excessive distance between driver and encoder",
  FP: "deviation from the path",
  FQ: "encoder error",
  FS: "stalled and stopped",
  FT: "excessive twist",
  FZ: "inactive: peripheral changed",
};

/** Warnings that say that the position is not that of the real stage: no reference, never homed, stopped by a limit sensor. */
export const isUnreferenced = (warning: string): boolean => ["WR", "WH", "WL"].includes(warning) || isFault(warning);
export const isFault = (warning: string): boolean => warning.startsWith("F");
export const warningText = (warning: string): string => `${warning} (${faults[warning] ?? "fault"})`;

const rejectionText = ({ data }: ZaberReply): string => `RJ ${data} (${rejections[data] ?? "rejected"})`;

function read<T>(
  lines: readonly string[],
  of: ZaberAxis & { readonly id: number },
  use: (reply: ZaberReply) => T | undefined,
): Reading<T> | undefined {
  const reply = parseReply(lines.at(-1) ?? "");
  if (!reply || reply.device !== of.device || reply.axis !== of.axis || reply.id !== of.id) return undefined;
  if (!reply.accepted)
    return { refused: rejectionText(reply), alarm: reply.data === "DRIVERDISABLED" || isFault(reply.warning) };
  const value = use(reply);
  return value === undefined ? undefined : { value };
}

/**
 * Ids of commands by what they ask: a late reply to another question, which looks the same but for its id, is no answer.
 */
const ids = {
  version: 11,
  deviceid: 12,
  "system.axiscount": 13,
  pos: 14,
  "limit.min": 15,
  "limit.max": 16,
  state: 20,
  move: 21,
  home: 22,
  declare: 23,
  speed: 24,
} as const;

/** A command with its checksum, which counts what stands between the slash and the colon. */
const message = ({ device, axis }: ZaberAxis, id: number, text = ""): string => {
  const body = `${device} ${axis} ${id}${text === "" ? "" : ` ${text}`}`;
  return `/${body}:${checksum(body)}\n`;
};

const setting = <T>(
  of: ZaberAxis,
  name: "version" | "deviceid" | "system.axiscount" | "pos" | "limit.min" | "limit.max",
  use: (data: string) => T | undefined,
): Exchange<T> => ({
  text: message(of, ids[name], `get ${name}`),
  read: (lines) => read(lines, { ...of, id: ids[name] }, ({ data }) => use(data)),
});

const whole = (data: string): number | undefined => (/^-?\d{1,12}$/.test(data) ? Number(data) : undefined);

/** Firmware of a device, `7.38`. Moves nothing. */
export const askVersion = (device: number): Exchange<string> =>
  setting({ device, axis: 0 }, "version", (data) => (/^\d{1,2}\.\d{1,4}$/.test(data) ? data : undefined));

export const askDeviceId = (device: number): Exchange<number> => setting({ device, axis: 0 }, "deviceid", whole);

export const askAxisCount = (device: number): Exchange<number> =>
  setting({ device, axis: 0 }, "system.axiscount", whole);

export const askPosition = (of: ZaberAxis): Exchange<number> => setting(of, "pos", whole);

export const askLimit = (of: ZaberAxis, which: "min" | "max"): Exchange<number> => setting(of, `limit.${which}`, whole);

const command = (of: ZaberAxis, id: number, text: string): Exchange<ZaberReply> => ({
  text: message(of, id, text),
  read: (lines) => read(lines, { ...of, id }, (reply) => reply),
});

/** An empty command is answered by the state. */
export const askState = (of: ZaberAxis): Exchange<ZaberReply> => command(of, ids.state, "");

/** Absolute move, microsteps. Answered when it begins. */
export const move = (of: ZaberAxis, microsteps: number): Exchange<ZaberReply> =>
  command(of, ids.move, `move abs ${Math.round(microsteps)}`);

export const home = (of: ZaberAxis): Exchange<ZaberReply> => command(of, ids.home, "home");

/** Declares where an axis stands, microsteps. */
export const declare = (of: ZaberAxis, microsteps: number): Exchange<ZaberReply> =>
  command(of, ids.declare, `set pos ${Math.round(microsteps)}`);

/** Greatest speed, as the controller takes it: microsteps/s times 1.6384. */
export const setSpeed = (of: ZaberAxis, microstepsPerS: number): Exchange<ZaberReply> =>
  command(of, ids.speed, `set maxspeed ${Math.max(1, Math.round(microstepsPerS * 1.6384))}`);

/** Ends the moves of all devices with their ramps: steps are kept. Without a checksum: a halt is better obeyed than right. */
export const haltAll = "/stop\n";
