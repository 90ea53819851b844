import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { launchOf, projectRoot } from "../src/core/index.js";
import { NotHere } from "./figures.js";

/** `cytostream train` in a process of its own; gives the folder of the model. */
export const trainInProcess = (args: readonly string[], out: string): string => {
  const launch = launchOf(new URL("../src/cli/cytostream.js", import.meta.url));
  const command = [...launch.execArgv, fileURLToPath(launch.url), "train", ...args, "--out", out, "--json"];
  const { status, stderr } = spawnSync(process.execPath, command, {
    cwd: projectRoot(),
    stdio: ["ignore", "ignore", "pipe"],
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new NotHere(`train ${args[0]} ended with ${status}: ${stderr.slice(-500)}`);
  return join(out, "model");
};
