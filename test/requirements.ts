import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { findTensorFlow } from "../src/engine/index.js";

/**
 * Tools that some tests need besides Node. Without the tool such a test skips and says in its name what to install; with
 * CYTOSTREAM_CI=1 (set by .ci/run, which installs them all) a missing tool is a failure instead, so that nothing is skipped
 * unseen. Tests that need a GPU or a data set always skip where it is not: no script can install those.
 *
 *     describe.skipIf(!requireTool("ffmpeg"))("the ffmpeg camera (needs ffmpeg)", () => { … });
 *     it.skipIf(!requirePython("onnx"))("agrees with the reference (needs Python's onnx)", () => { … });
 *     it.skipIf(!requireTensorFlow())("agrees with … (needs npm run setup:tensorflow)", () => { … });
 *     it.skipIf(!hasNvidiaGpu())("runs on cuda (needs an NVIDIA GPU)", () => { … });
 */
const inCi = process.env.CYTOSTREAM_CI === "1";

const onPath = (program: string): string | undefined =>
  (process.env.PATH ?? "")
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });

const demand = (what: string, present: boolean): boolean => {
  if (!present && inCi)
    throw new Error(`${what} is not installed, and CYTOSTREAM_CI=1 allows no test to skip for that`);
  return present;
};

/** Whether a program is there; in CI it must be. */
export const requireTool = (
  program: "ffmpeg" | "socat" | "python3" | "tar" | "unshare" | "prlimit" | "ustreamer",
): boolean => demand(program, onPath(program) !== undefined);

/** Whether aravis (its fake camera, its tool, its headers), GStreamer and a C compiler are there; in CI they must be. */
export const requireGenicam = (): boolean => {
  const programs = ["arv-tool-0.8", "arv-fake-gv-camera-0.8", "gst-launch-1.0", "gcc", "pkg-config"];
  const missing = programs.filter((program) => onPath(program) === undefined);
  const headers = spawnSync("pkg-config", ["--exists", "aravis-0.8"]).status === 0;
  return demand(`What GigE Vision cameras need (${missing.join(", ")})`, missing.length === 0 && headers);
};

/** Path of a Chromium, or undefined; in CI it must be there. `CHROMIUM` names another. */
export const requireChromium = (): string | undefined => {
  const path = process.env.CHROMIUM ?? onPath("chromium") ?? onPath("chromium-browser") ?? onPath("google-chrome");
  demand("Chromium", path !== undefined);
  return path;
};

/** The Python of the tests: `PYTHON` names another. */
export const python = process.env.PYTHON ?? "python3";

/** Whether Python has all of the modules; in CI it must. */
export const requirePython = (...modules: readonly string[]): boolean => {
  const run = spawnSync(python, ["-c", modules.map((name) => `import ${name}`).join("\n")], { stdio: "ignore" });
  return demand(`Python with ${modules.join(", ")}`, run.status === 0);
};

/** Whether an NVIDIA GPU is there; never a failure. */
export const hasNvidiaGpu = (): boolean => spawnSync("nvidia-smi", ["-L"], { stdio: "ignore" }).status === 0;

/** Whether the native TensorFlow library is set up (`npm run setup:tensorflow`); in CI it must be. */
export const requireTensorFlow = (): boolean =>
  demand("TensorFlow (npm run setup:tensorflow)", findTensorFlow().state === "ready");
