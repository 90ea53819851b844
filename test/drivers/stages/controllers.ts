import type { StageDriver } from "../../../drivers/contract.js";
import { loadStage } from "../../../drivers/index.js";
import { AsiFirmware } from "./emulators/asi.js";
import { GrblFirmware } from "./emulators/grbl.js";
import type { LineFirmware } from "./emulators/lineFirmware.js";
import { LudlFirmware } from "./emulators/ludl.js";
import { MarlinFirmware } from "./emulators/marlin.js";
import type { MotorOptions } from "./emulators/motors.js";
import { PriorFirmware } from "./emulators/prior.js";
import { SangaboardFirmware } from "./emulators/sangaboard.js";
import { TangoFirmware } from "./emulators/tango.js";
import { ZaberFirmware } from "./emulators/zaber.js";

/** A driver, an emulator of its controller, and options that fit it. */
export interface ControllerCase {
  readonly name: string;
  firmware(motors?: MotorOptions): LineFirmware;
  readonly options: Readonly<Record<string, unknown>>;
  /** Way of the emulator's steps, um. */
  readonly umPerStep: { readonly x: number; readonly y: number; readonly z: number };
  /** Where x and y are 0 after homing. */
  readonly homesAt?: "lower" | "upper";
}

const even = (um: number) => ({ x: um, y: um, z: um });

export const controllerCases: readonly ControllerCase[] = [
  {
    name: "grbl",
    firmware: (motors) => new GrblFirmware({ ...motors, settings: { 22: 0 } }),
    options: {},
    umPerStep: even(1),
  },
  {
    name: "marlin",
    firmware: (motors) => new MarlinFirmware({ ...motors, realtime: true }),
    options: { homing: true, realtime: true },
    umPerStep: even(1),
    homesAt: "lower",
  },
  {
    name: "sangaboard",
    firmware: (motors) => new SangaboardFirmware(motors),
    options: { umPerStep: even(0.1) },
    umPerStep: even(0.1),
  },
  {
    name: "prior",
    firmware: (motors) => new PriorFirmware({ ...motors, compatibility: true }),
    options: { homing: true },
    umPerStep: { x: 1, y: 1, z: 0.1 },
    homesAt: "lower",
  },
  {
    name: "asi",
    firmware: (motors) => new AsiFirmware(motors),
    options: { homing: true },
    umPerStep: even(0.1),
    homesAt: "upper",
  },
  {
    name: "tango",
    firmware: (motors) => new TangoFirmware(motors),
    options: { homing: true },
    umPerStep: even(0.1),
    homesAt: "lower",
  },
  {
    name: "ludl",
    firmware: (motors) => new LudlFirmware({ ...motors, highLevel: false }),
    options: { homing: true, z: true },
    umPerStep: even(0.1),
    homesAt: "lower",
  },
  {
    name: "zaber",
    firmware: (motors) => new ZaberFirmware({ ...motors, alerts: true, checksums: true }),
    options: { axes: { z: { device: 2, umPerMicrostep: 0.047625 } } },
    umPerStep: { x: 0.15625, y: 0.15625, z: 0.047625 },
    homesAt: "lower",
  },
];

/**
 * Emulators share this machine with all that it does, and may not run for a while. How soon a controller that is
 * silent is halted is tried where that is asked for.
 */
export const patient = { replyTimeoutMs: 2000, silenceMs: 2000 } as const;

export const driverOf = (name: string): Promise<StageDriver> => loadStage(name);
