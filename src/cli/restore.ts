import type { Command } from "commander";
import { restore } from "../store/index.js";
import { pathsOf, printResult } from "./dataDirectory.js";
import { type DataDirectoryOptions, withDataDirectory } from "./laboratory.js";

const help = `
Everything is unpacked beside the data directory, compared with its hashes and looked through, before it takes its place. A data
directory with something in it is left alone, or with --force kept beside the restored one. The daemon must not run.

Examples:
  cytostream restore /mnt/backups/laboratory-friday.tar --data-dir /var/lib/cytostream`;

interface RestoreOptions extends DataDirectoryOptions {
  readonly force: boolean;
}

const action = async (file: string, options: RestoreOptions): Promise<void> => {
  const report = await restore(await pathsOf(options), file, { force: options.force });
  printResult(report, options.json, () => [
    `${report.files} files in ${report.root}`,
    ...(report.kept === undefined ? [] : [`what was there is in ${report.kept}`]),
  ]);
};

export const register = (program: Command): void => {
  withDataDirectory(program.command("restore <FILE>"))
    .summary("puts a backup in place")
    .description("Puts a backup in the place of a data directory that is empty or not there.")
    .option("--force", "also where there is one: it is kept beside what is restored", false)
    .addHelpText("after", help)
    .action(action);
};
