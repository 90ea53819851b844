import { CytoError } from "../core/index.js";
import type { MicroscopeStatus } from "../scan/index.js";
import { type DataDirectoryOptions, daemonUrl, type Laboratory } from "./laboratory.js";

/** The address of the daemon that holds the microscope. @throws CytoError NOT_READY where none runs */
export const runningDaemon = async (laboratory: Laboratory): Promise<string> => {
  const url = await daemonUrl(laboratory);
  if (url !== undefined) return url;
  throw new CytoError("NOT_READY", `No daemon works in ${laboratory.paths.root}.`, {
    remedy: "Start it: `cytostream run`, with `stage.name` in its configuration.",
  });
};

export const statusLine = ({ stage, objective, calibration, busy }: MicroscopeStatus): string => {
  if (stage === null) return "no stage";
  const { name, state, referenced, positionUm, failure } = stage;
  const axes = positionUm === undefined ? [] : Object.entries(positionUm).filter(([, value]) => value !== undefined);
  const place = axes.map(([axis, value]) => `${axis} ${Number((value as number).toFixed(2))}`).join(", ");
  const parts = [
    `${name} ${state}`,
    referenced ? `${place} um` : `position unknown${place === "" ? "" : ` (says ${place} um)`}`,
    busy ?? "",
    calibration === null
      ? `${objective}: not calibrated`
      : `${objective}: ${calibration.umPerPixel.toFixed(4)} um/px, ${calibration.rotationDegrees.toFixed(2)} degrees`,
    failure ? `${failure.code}: ${failure.message}` : "",
  ];
  return parts.filter((part) => part !== "").join("; ");
};

export const printResult = (value: unknown, line: string, { json }: DataDirectoryOptions): void =>
  void process.stdout.write(`${json ? JSON.stringify(value) : line}\n`);
