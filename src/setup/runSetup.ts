import { CytoError } from "../core/index.js";

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

export interface SetupCommand {
  readonly help: string;
  /** The one option that it has besides --help. */
  readonly option: string;
  /** @param chosen whether the option was given */
  readonly run: (chosen: boolean, note: (text: string) => void) => Promise<void>;
}

/** Runs a set-up as an npm script: its help, its one option, errors with their remedy and exit code. */
export const runSetup = async ({ help, option, run }: SetupCommand): Promise<void> => {
  const given = process.argv.slice(2);
  try {
    const unknown = given.find((argument) => argument !== option && argument !== "--help");
    if (unknown !== undefined) throw new CytoError("USAGE", `Unknown argument ${unknown}`);
    if (given.includes("--help")) say(help);
    else await run(given.includes(option), say);
  } catch (error) {
    const known = CytoError.from(error);
    process.stderr.write(`${known.code}: ${known.message}\n${known.remedy}\n`);
    process.exitCode = known.exitCode;
  }
};
