#!/usr/bin/env -S MALLOC_MMAP_THRESHOLD_=1048576 node
import { commands } from "./commands.js";
import { createProgram, describeFailure, registerCommands } from "./program.js";
import { programVersion } from "./version.js";

const main = async (argv: readonly string[]): Promise<number> => {
  const debug = argv.includes("--debug");
  try {
    const program = createProgram(programVersion());
    await registerCommands(program, commands, argv);
    await program.parseAsync(argv, { from: "user" });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    const { lines, exitCode } = describeFailure(error, debug);
    if (lines.length > 0) process.stderr.write(`${lines.join("\n")}\n`);
    return exitCode;
  }
};

// A reader that has read enough (`| head`) is no fault of the command.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

// Nor is a reader of the log that has gone.
process.stderr.on("error", () => {});

process.exitCode = await main(process.argv.slice(2));

/** What nobody reads of the log keeps the process for this long, ms; results on standard output are waited for. */
const patienceMs = 500;
const leave = (): void => {
  if (process.stdout.writableLength === 0) process.exit();
  process.stdout.once("drain", leave);
};
if (process.stderr.writableLength > 0) setTimeout(leave, patienceMs).unref();
