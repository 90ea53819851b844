import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { availableParallelism, cpus, totalmem } from "node:os";
import { promisify } from "node:util";
import { listDrivers } from "../../drivers/index.js";
import { CytoError, modelsDirectory } from "../core/index.js";
import { type ProviderTrial, tryProviders } from "../detection/index.js";
import { findTensorFlow } from "../engine/index.js";
import { listModels, loadModel } from "../registry/index.js";

/** One thing that this machine can do, or what it lacks and how to mend that. */
export interface Check {
  readonly name: string;
  /** `lacking`: an option less, the daemon runs without it; `broken`: the daemon does not run as it should. */
  readonly state: "ok" | "lacking" | "broken";
  readonly detail: string;
  /** What to do, for all that is not `ok`. */
  readonly remedy?: string;
}

const run = promisify(execFile);
const commandTimeoutMs = 5000;

const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";

export const checkNode = (version = process.versions.node): Check => {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const supported = major > 20 || (major === 20 && minor >= 19);
  return {
    name: "node",
    state: supported ? "ok" : "broken",
    detail: version,
    ...(supported ? {} : { remedy: "Install Node 24, or at least 20.19." }),
  };
};

export const checkMachine = (): Check => {
  const model = cpus()[0]?.model.trim() ?? "unknown processor";
  const gibibytes = (totalmem() / 2 ** 30).toFixed(1);
  return { name: "machine", state: "ok", detail: `${model}, ${availableParallelism()} threads, ${gibibytes} GiB` };
};

const cudaRemedy =
  "On Linux with an NVIDIA driver for CUDA 13: `npm run setup:cuda`, or `npm run setup:cuda -- --libraries` where CUDA 13 " +
  "and cuDNN 9 are not installed.";

const providerRemedies: Readonly<Record<string, string>> = {
  cpu: "onnxruntime-node did not load: run `npm ci` again.",
  cuda: cudaRemedy,
  webgpu: "Install a graphics driver with Vulkan 1.1 (Linux), Metal (macOS) or DirectX 12 (Windows).",
  dml: "DirectML is for Windows with a DirectX 12 adapter.",
  coreml: "Core ML is for macOS.",
};

const describeTrial = ({ provider, available, runMs, reason }: ProviderTrial): Check => {
  const name = `provider ${provider}`;
  if (available) {
    const speed = runMs === undefined ? "" : `, trial network in ${runMs.toFixed(1)} ms`;
    return { name, state: "ok", detail: `works${speed}` };
  }
  return {
    name,
    state: provider === "cpu" ? "broken" : "lacking",
    detail: reason ?? "not there",
    remedy: providerRemedies[provider] ?? "Take another provider.",
  };
};

export const checkProviders = async (): Promise<Check[]> => (await tryProviders()).map(describeTrial);

/** @param program looked for on PATH */
export const checkFfmpeg = async (program = "ffmpeg"): Promise<Check> => {
  try {
    const { stdout } = await run(program, ["-hide_banner", "-version"], { timeout: commandTimeoutMs });
    return { name: "ffmpeg", state: "ok", detail: /^ffmpeg version (\S+)/.exec(stdout)?.[1] ?? "of unknown version" };
  } catch {
    return {
      name: "ffmpeg",
      state: "lacking",
      detail: "not found: no USB, RTSP, MJPEG or video sources",
      remedy: "Install ffmpeg (apt install ffmpeg, brew install ffmpeg) and see that it is on the PATH.",
    };
  }
};

export const checkSerialPorts = async (): Promise<Check> => {
  try {
    const { SerialPort } = await import("serialport");
    const ports = await SerialPort.list();
    const names = ports.map((port) => [port.path, port.manufacturer].filter(Boolean).join(" "));
    return { name: "serial ports", state: "ok", detail: names.length === 0 ? "none connected" : names.join(", ") };
  } catch (error) {
    return {
      name: "serial ports",
      state: "lacking",
      detail: `cannot be listed: ${messageOf(error)}`,
      remedy: "Under Linux the list needs udevadm (apt install udev); ports can be opened by name without it.",
    };
  }
};

export const checkCameras = async (): Promise<Check[]> => {
  const { drivers, failures } = await listDrivers("cameras");
  return [
    ...drivers.map(
      ({ name, title, sourceSyntax }): Check => ({
        name: `camera ${name}`,
        state: "ok",
        detail: `${title}; source: ${sourceSyntax}`,
      }),
    ),
    ...failures.map(
      ({ name, error }): Check => ({
        name: `camera ${name}`,
        state: "broken",
        detail: error.message,
        remedy: error.remedy,
      }),
    ),
  ];
};

/** The models' manifests and the hashes of their files. */
export const checkModels = async (directory = modelsDirectory()): Promise<Check[]> => {
  try {
    const models = await listModels(directory);
    const checks = await Promise.all(
      models.map(async (model): Promise<Check> => {
        const name = `model ${model.name} ${model.version}`;
        try {
          const { manifest } = await loadModel(model.directory);
          const mark = model.isDefault ? ", in use" : "";
          return { name, state: "ok", detail: `${manifest.kind}, sha256 ${manifest.sha256.slice(0, 12)}…${mark}` };
        } catch (error) {
          const fault = CytoError.from(error, "MODEL_INVALID");
          return { name, state: "broken", detail: `${fault.code}: ${fault.message}`, remedy: fault.remedy };
        }
      }),
    );
    const kinds = new Set(models.filter((model) => model.isDefault).map((model) => model.manifest?.kind));
    return kinds.has("detector")
      ? checks
      : [...checks, { name: "models", state: "broken", detail: `no detector in ${directory}`, remedy: noModelRemedy }];
  } catch (error) {
    return [{ name: "models", state: "broken", detail: messageOf(error), remedy: noModelRemedy }];
  }
};

const noModelRemedy =
  "Fetch the models with the repository, or train one: cytostream train unet --data DATASET --out models";

/** @param directory where data sets are looked for */
export const checkDataSets = async (directory: string): Promise<Check> => {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return names.length > 0
    ? { name: "data sets", state: "ok", detail: names.sort().join(", ") }
    : {
        name: "data sets",
        state: "lacking",
        detail: `none in ${directory}: needed for training and evaluation only`,
        remedy: "Set CYTOSTREAM_DATA to the folder that holds your data sets (YOLO or Pascal VOC layout).",
      };
};

const tensorFlowRemedy =
  "An option for training by --engine tfjs, on NVIDIA GPUs among others; the embedded engine needs nothing. " +
  "`npm run setup:tensorflow` (add `-- --cuda` for NVIDIA GPUs) fetches the library and builds the binding.";

/** Whether the TensorFlow binding is there; it is looked for, not loaded: that takes a second and a gigabyte. */
export const checkTensorFlow = (require?: NodeJS.Require): Check => {
  const name = "tensorflow";
  const found = findTensorFlow(require);
  switch (found.state) {
    case "ready": {
      const { record } = found;
      const kind = record?.cuda ? "for NVIDIA GPUs" : "for processors";
      const detail = record ? `${record.version} ${kind}, binding built` : "binding built by another installer";
      return { name, state: "ok", detail };
    }
    case "noPackage": {
      const remedy = `Run \`npm ci\` without --omit=optional first. ${tensorFlowRemedy}`;
      return { name, state: "lacking", detail: "package @tensorflow/tfjs-node-gpu not installed", remedy };
    }
    case "notBuilt":
      return { name, state: "lacking", detail: "package present, native binding not built", remedy: tensorFlowRemedy };
    case "libraryGone": {
      const detail = "binding built, but the library that it is linked to is gone from the cache";
      return { name, state: "lacking", detail, remedy: tensorFlowRemedy };
    }
  }
};
