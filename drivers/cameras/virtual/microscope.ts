import { CytoError } from "../../../src/core/index.js";
import type { StagePosition } from "./slide.js";

/** The stage under a virtual camera, as it really is: what the camera sees, whatever the stage reports. */
export interface MountedStage {
  /** Centre of the field on the slide and height of the objective, um, at this moment. */
  placeUm(): StagePosition;
}

/** Where a stage was when it was closed: it stays there, whoever opens it next. */
export interface LeftStage {
  /** Of the motors, and of the table behind their play, um. */
  readonly motors: Readonly<Record<"x" | "y" | "z", number>>;
  readonly table: Readonly<Record<"x" | "y" | "z", number>>;
}

const left = new Map<string, LeftStage>();

export const leaveStage = (microscope: string, where: LeftStage): void => void left.set(microscope, where);
export const leftStage = (microscope: string): LeftStage | undefined => left.get(microscope);

/** Virtual microscopes of this process, by name. */
const mounted = new Map<string, MountedStage>();

/**
 * Puts a stage under the cameras of a virtual microscope: from now on they show what is over it, and scan no more by themselves.
 * @returns takes it away again
 * @throws CytoError STAGE_PORT_BUSY where another stage is there
 */
export const mountStage = (microscope: string, stage: MountedStage): (() => void) => {
  if (mounted.has(microscope))
    throw new CytoError("STAGE_PORT_BUSY", `The virtual microscope ${JSON.stringify(microscope)} has a stage already.`);
  mounted.set(microscope, stage);
  return () => {
    if (mounted.get(microscope) === stage) mounted.delete(microscope);
  };
};

export const mountedStage = (microscope: string): MountedStage | undefined => mounted.get(microscope);
