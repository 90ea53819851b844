import { CytoError } from "../../../src/core/index.js";
import { LineSplitter } from "../../process/lineSplitter.js";
import { OwnedProcess } from "../../process/ownedProcess.js";
import { type CameraSettings, controlArguments, settingsOf } from "./features.js";
import type { GenicamCameraOptions } from "./manifest.js";

/** A camera whose address is right answers within some tens of ms; aravis itself gives up one that does not after 2.5 s. */
const controlTimeoutMs = 15_000;

export const toolsNotFound = (why: string, cause?: unknown): CytoError =>
  new CytoError("GENICAM_TOOLS_NOT_FOUND", why, {
    cause,
    remedy:
      "Install aravis and GStreamer: apt install aravis-tools-cli gstreamer1.0-tools gstreamer1.0-plugins-base " +
      "gstreamer1.0-plugins-good, and gstreamer1.0-plugins-bad for Bayer formats.",
  });

const isAddress = (camera: string): boolean => /^\d{1,3}(\.\d{1,3}){3}$/.test(camera);

/** Why there was no answer, by what `arv-tool-0.8` wrote to its standard error. */
function notOpened(camera: string, lines: readonly string[]): CytoError | undefined {
  const context = { source: camera, lastLines: lines.slice(-4) };
  if (lines.some((line) => line.includes("Can't get control access"))) {
    return new CytoError("CAMERA_BUSY", `Another program controls the camera ${camera}.`, {
      context,
      remedy: "Close the other program. After one that crashed, the camera is free a few seconds later.",
    });
  }
  if (!lines.some((line) => /Can't connect to device|not found/.test(line))) return undefined;
  if (isAddress(camera)) return new CytoError("CAMERA_UNREACHABLE", `No camera answers at ${camera}.`, { context });
  return new CytoError("CAMERA_SOURCE_NOT_FOUND", `There is no camera ${camera}.`, {
    context,
    remedy: "See the cameras that there are: arv-tool-0.8. One on another network is found by its address only.",
  });
}

/**
 * Sets the camera as the options ask and reads what it is set to, by `arv-tool-0.8`; before the stream, for a camera heeds one program at
 * a time.
 * @throws CytoError GENICAM_TOOLS_NOT_FOUND, CAMERA_BUSY, CAMERA_UNREACHABLE, CAMERA_SOURCE_NOT_FOUND, CAMERA_UNSUPPORTED, CAMERA_STALE,
 *   CAMERA_OPEN_FAILED; what the signal's abortion gives
 */
export async function controlCamera(
  camera: string,
  options: GenicamCameraOptions,
  signal: AbortSignal,
): Promise<CameraSettings> {
  await using tool = await OwnedProcess.start(options.aravisToolPath, controlArguments(camera, options), {
    notStarted: toolsNotFound,
    environment: { ARV_DEBUG: "device:1", LC_ALL: "C" },
  });
  const [answers, complaints] = await heard(tool, signal);
  const failure = notOpened(camera, complaints);
  if (failure !== undefined) throw failure;
  return settingsOf(camera, options, answers);
}

/** All lines of a tool that ends soon; of one that is kept waiting by the camera, those until that is clear. */
async function heard(tool: OwnedProcess, signal: AbortSignal): Promise<readonly [string[], string[]]> {
  const answers: string[] = [];
  const complaints: string[] = [];
  const timeout = AbortSignal.timeout(controlTimeoutMs);
  let giveUp: () => void = () => {};
  const givenUp = new Promise<void>((resolve) => {
    giveUp = resolve;
  });
  const read = async (stream: NodeJS.ReadableStream, into: string[]): Promise<void> => {
    const splitter = new LineSplitter();
    stream.setEncoding("utf8").on("data", (piece: string) => {
      into.push(...splitter.push(piece));
      // It would go on to wait for an answer to each setting.
      if (into === complaints && into.some((line) => line.includes("Can't get control access"))) giveUp();
    });
    await new Promise((resolve) => stream.once("close", resolve));
    into.push(...splitter.end());
  };
  signal.addEventListener("abort", giveUp);
  timeout.addEventListener("abort", giveUp);
  try {
    await Promise.race([Promise.all([read(tool.stdout, answers), read(tool.stderr, complaints)]), givenUp]);
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
  signal.throwIfAborted();
  if (timeout.aborted) throw new CytoError("CAMERA_STALE", `The camera did not answer within ${controlTimeoutMs} ms.`);
  return [answers, complaints];
}
