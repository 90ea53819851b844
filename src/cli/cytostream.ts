#!/usr/bin/env node
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

process.exitCode = await main(process.argv.slice(2));
