import { checkObjective } from "../optics/index.js";
import type { ScanHeader } from "../record/index.js";
import { Look } from "./look.js";
import type { ScanPorts } from "./ports.js";

/**
 * Looks, where the stage stands and before anything moves, whether a scan's objective is in place.
 * @throws CytoError OBJECTIVE_CHANGED
 */
export const checkStandingField = (ports: ScanPorts, header: ScanHeader, signal: AbortSignal): Promise<void> => {
  const take = () => new Look(ports, header).standing(signal);
  return checkObjective(header.calibration, { take, detect: ports.detect }, signal);
};
