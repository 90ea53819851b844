import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, expect, it } from "vitest";
import { launchOf } from "../../src/core/index.js";

let home: string | undefined;
afterEach(async () => {
  if (home) await rm(home, { recursive: true, force: true });
});

it("onnxruntime keeps no identifier and no queue of usage data when the program runs a network", async () => {
  home = await mkdtemp(join(tmpdir(), "cytostream-home-"));
  const { url, execArgv } = launchOf(new URL("../../src/cli/cytostream.js", import.meta.url));
  // Suppressed on build machines in any case: the test must see what a laboratory's machine would do.
  const { CI, GITHUB_ACTIONS, ORT_DISABLE_TELEMETRY, ...environment } = process.env;
  const env = { ...environment, HOME: home, TMPDIR: home, XDG_CACHE_HOME: join(home, ".cache") };
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, [...execArgv, url.pathname, "models", "verify", "--json"], { env });
  expect(stdout).toContain("unet");
  const left = await readdir(home, { recursive: true });
  expect(left.filter((name) => /onnxruntime|mat-debug|deviceid/i.test(name))).toEqual([]);
});
