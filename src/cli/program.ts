import { Command, CommanderError } from "commander";
import { CytoError } from "../core/index.js";

/** Module of a command: `src/cli/<name>.ts` adds its command, with options, help and action, to the program. */
export interface CommandModule {
  register(program: Command): void;
}

export interface CommandEntry {
  readonly name: string;
  readonly load: () => Promise<CommandModule>;
}

const exitCodesHelp = `
Exit codes (sysexits.h):
  0  done                       69  a device, port or provider is not available
  1  done, with a negative      70  an unexpected fault
     finding (doctor, verify)   73  an output cannot be written
  64 usage                      77  not permitted
  65 unusable input data         74  a disk cannot be read or written
  66 input not found             75  busy: try again later
  78 configuration              130  interrupted
Each error prints \`CODE: message\` and a remedy; docs/errors.md lists them all.`;

const exampleHelp = `
Examples:
  cytostream run                                    the virtual slide, at http://127.0.0.1:8480/
  cytostream run --camera folder --source smears/   pictures of a folder, as if a microscope delivered them
  cytostream detect smear.jpg --overlay --out found/
  cytostream doctor                                 what this machine can do, and how to mend what it lacks`;

/** The program without its commands. Errors of usage are thrown as CommanderError; nothing exits the process. */
export const createProgram = (version: string): Command =>
  new Command("cytostream")
    .description("Counts blood cells live while a smear is scanned.")
    .version(version)
    .option("--debug", "show stacks of errors")
    .showHelpAfterError("(add --help for the options)")
    .addHelpText("after", `${exampleHelp}\n${exitCodesHelp}`)
    .exitOverride();

/**
 * Adds the command that `argv` names, loading no other, or all of them where it names none (help, a slip of the pen).
 * Modules add their command by `program.command(...)`, so that it inherits the program's settings.
 */
export const registerCommands = async (
  program: Command,
  commands: readonly CommandEntry[],
  argv: readonly string[],
): Promise<void> => {
  const word = argv.find((argument) => !argument.startsWith("-"));
  const named = commands.filter((command) => command.name === word);
  for (const command of named.length > 0 ? named : commands) (await command.load()).register(program);
};

/** What an error is to the shell: lines for standard error and the exit code. */
export const describeFailure = (
  error: unknown,
  debug: boolean,
): { readonly lines: string[]; readonly exitCode: number } => {
  if (error instanceof CommanderError) {
    // Commander has printed its message already; help and version are no failures.
    return { lines: [], exitCode: error.exitCode === 0 ? 0 : 64 };
  }
  const known = CytoError.from(error);
  const lines = [`${known.code}: ${known.message}`, `  ${known.remedy}`];
  if (debug) lines.push((error instanceof Error ? error.stack : undefined) ?? String(error));
  return { lines, exitCode: known.exitCode };
};
