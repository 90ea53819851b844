import { CytoError } from "../../../src/core/index.js";
import { leaveStage, leftStage, mountStage } from "../../cameras/virtual/microscope.js";
import type { StageDriver, StageOpenRequest } from "../../contract.js";
import { manifest, type VirtualStageOptions } from "./manifest.js";
import { VirtualStage } from "./stage.js";

const open = async ({ source, options, limitsUm, signal }: StageOpenRequest<VirtualStageOptions>) => {
  signal.throwIfAborted();
  if (source !== undefined && source !== "")
    throw new CytoError("STAGE_PORT_NOT_FOUND", "The virtual stage has no ports: leave `stage.source` out.");
  const { microscope } = options;
  let unmount = (): void => undefined;
  const stage = new VirtualStage({
    ...{ options, limitsUm, signal },
    found: leftStage(microscope),
    leave: (where) => {
      leaveStage(microscope, where);
      unmount();
    },
  });
  unmount = mountStage(microscope, stage);
  return stage;
};

/** The stage of the virtual microscope. */
export const driver: StageDriver<VirtualStageOptions> = { manifest, open };
