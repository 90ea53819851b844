import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { CytoError } from "../core/index.js";

const execute = promisify(execFile);
const outputBytes = 16 * 2 ** 20;
const lastLines = 4;

/** Runs a program to its end; what it printed on standard output. @throws CytoError SETUP_FAILED with its last lines */
export const runTool = async (program: string, args: readonly string[], timeoutMs: number): Promise<string> => {
  try {
    const { stdout } = await execute(program, [...args], { timeout: timeoutMs, maxBuffer: outputBytes });
    return stdout;
  } catch (error) {
    const { stderr = "", killed } = error as { readonly stderr?: string; readonly killed?: boolean };
    const said = stderr.trim().split("\n").slice(-lastLines).join("\n");
    const why = killed === true ? `took longer than ${timeoutMs / 1000} s` : said || (error as Error).message;
    throw new CytoError("SETUP_FAILED", `${program} ${args[0] ?? ""} failed: ${why}`, { cause: error });
  }
};

const answers = (program: string, args: readonly string[]): Promise<boolean> =>
  runTool(program, args, 30_000).then(
    () => true,
    () => false,
  );

type Environment = Readonly<Record<string, string | undefined>>;

/** A Python with pip; `PYTHON` names one before all others. @throws CytoError SETUP_FAILED */
export const findPython = async (environment: Environment): Promise<string> => {
  const candidates = [environment.PYTHON, "python3", "python"].filter((name) => name !== undefined && name !== "");
  for (const name of candidates) if (await answers(name!, ["-m", "pip", "--version"])) return name!;
  throw new CytoError("SETUP_FAILED", `None of ${candidates.join(", ")} is a Python with pip`, {
    remedy: "Install pip (apt install python3-pip), or name a Python that has it: PYTHON=/path/to/python3.",
  });
};

/** A C++ compiler; `CXX` names one before g++. @throws CytoError SETUP_FAILED */
export const findCompiler = async (environment: Environment): Promise<string> => {
  const name = environment.CXX || "g++";
  if (await answers(name, ["--version"])) return name;
  throw new CytoError("SETUP_FAILED", `There is no C++ compiler ${name}`, {
    remedy: "Install one (apt install g++), or name it: CXX=/path/to/g++.",
  });
};

/** The folder with node_api.h: that of this Node, or of the package node-api-headers. @throws CytoError SETUP_FAILED */
export const findNodeHeaders = (executable = process.execPath, require = createRequire(import.meta.url)): string => {
  const besideNode = join(dirname(dirname(executable)), "include", "node");
  const folders = [besideNode];
  try {
    folders.push(join(dirname(require.resolve("node-api-headers/package.json")), "include"));
  } catch {
    // Node's own are enough.
  }
  const found = folders.find((folder) => existsSync(join(folder, "node_api.h")));
  if (found) return found;
  throw new CytoError("SETUP_FAILED", `Node's headers are not in ${besideNode}`, {
    remedy: "Run `npm ci` without --omit=optional: the package node-api-headers has them.",
  });
};
