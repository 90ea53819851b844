import type { Command } from "commander";
import { backUp } from "../store/index.js";
import { pathsOf, printResult } from "./dataDirectory.js";
import { type DataDirectoryOptions, withDataDirectory } from "./laboratory.js";

const help = `
Labels, pictures, trained models, journals and records of trainings, in one tar file with a hash of each. The daemon may run
meanwhile. docs/labels.md tells what is in it.

Examples:
  cytostream backup /mnt/backups/laboratory-friday.tar`;

const action = async (file: string, options: DataDirectoryOptions): Promise<void> => {
  const report = await backUp(await pathsOf(options), file);
  printResult(report, options.json, () => [
    `${report.files} files, ${(report.bytes / 2 ** 20).toFixed(1)} MiB, in ${report.file}`,
  ]);
};

export const register = (program: Command): void => {
  withDataDirectory(program.command("backup <FILE>"))
    .summary("everything the laboratory owns, in one file, while it works")
    .description("Writes everything that the laboratory owns into one file.")
    .addHelpText("after", help)
    .action(action);
};
