#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CytoError, projectRoot } from "../core/index.js";
import { type CommandEntry, type CommandModule, createProgram, describeFailure, registerCommands } from "./program.js";

const commandFile = (name: string): CommandEntry => ({
  name,
  load: async () => {
    try {
      return (await import(new URL(`./${name}.js`, import.meta.url).href)) as CommandModule;
    } catch (error) {
      throw new CytoError("INTERNAL", `the command ${name} could not be loaded: ${String(error)}`, { cause: error });
    }
  },
});

const commands: readonly CommandEntry[] = ["run", "detect", "evaluate", "train", "models", "doctor"].map(commandFile);

const version = (): string =>
  (JSON.parse(readFileSync(join(projectRoot(), "package.json"), "utf8")) as { version: string }).version;

const main = async (argv: readonly string[]): Promise<number> => {
  const debug = argv.includes("--debug");
  try {
    const program = createProgram(version());
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
