import type { Command } from "commander";
import type { CalibrationReport } from "../scan/index.js";
import { askDaemon, type DataDirectoryOptions, openLaboratory, userName, withDataDirectory } from "./laboratory.js";
import { printResult, runningDaemon } from "./microscopeDaemon.js";

const ask = async (what: "optics" | "light", options: DataDirectoryOptions): Promise<unknown> => {
  const url = await runningDaemon(await openLaboratory(options));
  return askDaemon(url, "/v1/microscope/calibrate", { what, by: userName() });
};

const optics = async (options: DataDirectoryOptions): Promise<void> => {
  const report = (await ask("optics", options)) as CalibrationReport;
  const { umPerPixel, rotationDegrees, mirrored, residualPx, steps } = report;
  const line = `${umPerPixel.toFixed(5)} um/px, ${rotationDegrees.toFixed(3)} degrees${mirrored ? ", mirrored" : ""}; ${residualPx.toFixed(2)} px left, ${steps} pictures`;
  printResult(report, line, options);
};

const light = async (options: DataDirectoryOptions): Promise<void> => {
  const report = (await ask("light", options)) as { readonly evenness: number };
  printResult(report, `even to ${(100 * report.evenness).toFixed(1)} % after the correction`, options);
};

/** `cytostream calibrate`: how camera and stage belong together, and how the light lies on the field. */
export const register = (program: Command): void => {
  const calibrate = program
    .command("calibrate")
    .summary("optics and light of the microscope")
    .description("Measure optics and light of the microscope");
  withDataDirectory(
    calibrate.command("optics").description("scale, rotation and handedness, by moving; with cells in focus"),
  ).action(optics);
  withDataDirectory(
    calibrate.command("light").description("flat field and white balance, over an empty place; nothing moves"),
  ).action(light);
};
