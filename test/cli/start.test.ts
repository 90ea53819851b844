import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished, vi } from "vitest";
import { projectRoot } from "../../src/core/index.js";
import { freshDataDirectory } from "../integration/dataDirectory.js";
import { isRunning, processesBelow } from "../integration/program.js";

vi.setConfig({ testTimeout: 120_000 });

const built = existsSync(join(projectRoot(), "dist", "cytostream"));

it.skipIf(process.platform !== "linux" || !built)(
  "`npm start` runs the program by its first line, with the environment that it sets (needs Linux and npm run build)",
  async () => {
    const npm = spawn("npm", ["start", "--", "--set", "publication.port=0", "--set", "log.format=json"], {
      cwd: projectRoot(),
      env: { ...process.env, CYTOSTREAM_DATA_DIR: freshDataDirectory() },
      stdio: ["ignore", "ignore", "pipe"],
      detached: true,
    });
    onTestFinished(() => {
      for (const pid of processesBelow(npm.pid!)) process.kill(pid, "SIGKILL");
      npm.kill("SIGKILL");
    });
    let said = "";
    await new Promise<void>((resolve, reject) => {
      npm.stderr.setEncoding("utf8").on("data", (part: string) => {
        said += part;
        if (said.includes('"daemon.ready"')) resolve();
      });
      npm.once("close", () => reject(new Error(`it has ended: ${said}`)));
    });
    const started = processesBelow(npm.pid!);
    const environments = started.map((pid) => readFileSync(`/proc/${pid}/environ`, "utf8").split("\0"));
    const daemon = started.find((_, index) => environments[index]!.includes("MALLOC_MMAP_THRESHOLD_=1048576"));
    expect(daemon).toBeDefined();
    expect(readFileSync(`/proc/${daemon}/cmdline`, "utf8").split("\0")).toContain("run");
    const ended = once(npm, "close");
    process.kill(daemon!, "SIGTERM");
    expect(await ended).toEqual([0, null]);
    expect(started.filter(isRunning)).toEqual([]);
  },
);
