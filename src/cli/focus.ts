import type { Command } from "commander";
import type { FocusReport } from "../scan/index.js";
import { askDaemon, type DataDirectoryOptions, openLaboratory, userName, withDataDirectory } from "./laboratory.js";
import { printResult, runningDaemon } from "./microscopeDaemon.js";

const focus = async (options: DataDirectoryOptions): Promise<void> => {
  const url = await runningDaemon(await openLaboratory(options));
  const report = (await askDaemon(url, "/v1/microscope/focus", { by: userName() })) as FocusReport;
  printResult(report, `in focus at z ${report.zUm.toFixed(2)} um, from ${report.frames} pictures`, options);
};

/** `cytostream focus`: brings the field into focus where the stage stands. */
export const register = (program: Command): void => {
  withDataDirectory(
    program
      .command("focus")
      .summary("the field into focus")
      .description("Bring the field into focus where the stage stands"),
  ).action(focus);
};
