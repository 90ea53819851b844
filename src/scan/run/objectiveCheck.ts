import { CytoError } from "../../core/index.js";
import { checkCellScale } from "../optics/index.js";
import type { ScanHeader } from "../record/index.js";
import { Look } from "./look.js";
import type { ScanPorts } from "./ports.js";

/**
 * Looks, where the stage stands and before anything moves, whether the red cells are as large as the calibration says. A place without red cells
 * tells nothing, and neither does a fault: what is wrong with camera or detector is told by the scan itself.
 * @throws CytoError OBJECTIVE_CHANGED
 */
export const checkObjective = async (ports: ScanPorts, header: ScanHeader, signal: AbortSignal): Promise<void> => {
  try {
    const frame = await new Look(ports, header).standing(signal);
    if (frame === undefined) return;
    const { redCells } = await ports.detect(frame, signal, { redCells: "search" });
    if (redCells?.telling === true) checkCellScale(header.calibration, redCells.umPerPixel);
  } catch (error) {
    if (signal.aborted || CytoError.from(error).code === "OBJECTIVE_CHANGED") throw error;
  }
};
