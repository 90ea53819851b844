import type { Command } from "commander";
import { dataDirectory } from "../config/index.js";
import { CytoError } from "../core/index.js";
import { checkLaboratory } from "./checkLaboratory.js";
import {
  type Check,
  checkCameras,
  checkDataSets,
  checkFfmpeg,
  checkMachine,
  checkModels,
  checkNode,
  checkProviders,
  checkSerialPorts,
  checkTensorFlow,
} from "./checks.js";
import { pathsOf } from "./dataDirectory.js";

const marks = { ok: "ok     ", lacking: "lacking", broken: "BROKEN " } as const;

/** The configuration itself may be what is broken. */
const laboratory = async (): Promise<Check> => {
  try {
    return await checkLaboratory(await pathsOf({}));
  } catch (error) {
    const { message, remedy } = CytoError.from(error);
    return { name: "data directory", state: "broken", detail: message, remedy };
  }
};

const examine = async (environment: NodeJS.ProcessEnv): Promise<Check[]> => {
  const checks = await Promise.all([
    checkNode(),
    checkMachine(),
    checkProviders(),
    checkFfmpeg(),
    checkSerialPorts(),
    checkCameras(),
    checkModels(),
    laboratory(),
    checkDataSets(dataDirectory(environment)),
    checkTensorFlow(),
  ]);
  return checks.flat();
};

const lineOf = ({ name, state, detail, remedy }: Check, width: number): string => {
  const line = `${marks[state]}  ${name.padEnd(width)}  ${detail}`;
  return remedy === undefined ? line : `${line}\n${" ".repeat(marks.ok.length + 2)}-> ${remedy}`;
};

const print = (checks: readonly Check[], json: boolean): void => {
  if (json) {
    const broken = checks.some((check) => check.state === "broken");
    process.stdout.write(`${JSON.stringify({ ok: !broken, checks }, null, 2)}\n`);
    return;
  }
  const width = Math.max(...checks.map((check) => check.name.length));
  process.stdout.write(`${checks.map((check) => lineOf(check, width)).join("\n")}\n`);
};

const help = `
Each line says what was found. What is lacking is an option less, with the way to add it; what is
BROKEN keeps the daemon from running as it should, and makes the exit code 1.

Examples:
  cytostream doctor
  cytostream doctor --json | jq '.checks[] | select(.state != "ok")'`;

export const register = (program: Command): void => {
  program
    .command("doctor")
    .summary("what this machine can do, and how to mend what it lacks")
    .description(
      "Looks at what this machine can do: execution providers, ffmpeg, ports, cameras, models, data directory, data sets.",
    )
    .option("--json", "print one JSON object: ok, checks [{name, state, detail, remedy}]")
    .addHelpText("after", help)
    .action(async (options: { json?: boolean }) => {
      const checks = await examine(process.env);
      print(checks, options.json ?? false);
      if (checks.some((check) => check.state === "broken")) process.exitCode = 1;
    });
};
