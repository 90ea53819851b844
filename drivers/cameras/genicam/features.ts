import { CytoError } from "../../../src/core/index.js";
import type { GenicamCameraOptions } from "./manifest.js";
import { namesOf, type PixelFormat, pixelFormatNames, pixelFormatOf } from "./pixelFormats.js";

/** A feature to be set: by each of its names that the camera knows, the last of which counts. */
interface Wish {
  readonly names: readonly string[];
  readonly values: readonly string[];
  /** The key of the options that asks for it. */
  readonly option: string;
}

const wish = (option: string, names: readonly string[], value: string | number | boolean): Wish => ({
  option,
  names,
  values: [String(value)],
});

const automatic = { off: "Off", once: "Once", continuous: "Continuous" } as const;

function whiteBalanceWishes(whiteBalance: GenicamCameraOptions["whiteBalance"]): Wish[] {
  if (whiteBalance === undefined) return [];
  const auto = (value: string): Wish => wish("whiteBalance", ["BalanceWhiteAuto"], value);
  if (typeof whiteBalance === "string") return [auto(automatic[whiteBalance])];
  const ratios = (["red", "blue"] as const).flatMap((colour) => [
    wish("whiteBalance", ["BalanceRatioSelector"], colour === "red" ? "Red" : "Blue"),
    wish("whiteBalance", ["BalanceRatio", "BalanceRatioAbs"], whiteBalance[colour]),
  ]);
  return [auto("Off"), ...ratios];
}

function regionWishes(region: GenicamCameraOptions["region"]): Wish[] {
  if (region === undefined) return [];
  const set = (name: string, value: number): Wish => wish("region", [name], value);
  // Size and place limit each other: the place is taken back first.
  const back = [set("OffsetX", 0), set("OffsetY", 0)];
  const sizes = [set("Width", region.width), set("Height", region.height)];
  return [...back, ...sizes, set("OffsetX", region.x), set("OffsetY", region.y)];
}

function triggerWishes(trigger: GenicamCameraOptions["trigger"]): Wish[] {
  if (trigger === undefined) return [];
  return [
    wish("trigger", ["TriggerSelector"], "FrameStart"),
    wish("trigger", ["TriggerSource"], trigger.source),
    ...(trigger.activation === undefined ? [] : [wish("trigger", ["TriggerActivation"], trigger.activation)]),
    wish("trigger", ["TriggerMode"], "On"),
  ];
}

/** What the options ask of the camera, in an order in which it can be done. Feature names: GenICam SFNC, and those from before it. */
function wishesOf(options: GenicamCameraOptions): readonly Wish[] {
  const { pixelFormat, binning, exposureUs, gain, framesPerSecond, features } = options;
  return [
    wish("camera", ["AcquisitionMode"], "Continuous"),
    ...(pixelFormat === undefined
      ? []
      : [{ option: "pixelFormat", names: ["PixelFormat"], values: namesOf(pixelFormat) }]),
    ...(binning === undefined
      ? []
      : [wish("binning", ["BinningHorizontal"], binning), wish("binning", ["BinningVertical"], binning)]),
    ...regionWishes(options.region),
    ...(exposureUs === undefined ? [] : [wish("exposureUs", ["ExposureTime", "ExposureTimeAbs"], exposureUs)]),
    ...(gain === undefined ? [] : [wish("gain", ["GainRaw", "Gain"], gain)]),
    ...(framesPerSecond === undefined
      ? []
      : [wish("framesPerSecond", ["AcquisitionFrameRate", "AcquisitionFrameRateAbs"], framesPerSecond)]),
    ...whiteBalanceWishes(options.whiteBalance),
    ...triggerWishes(options.trigger),
    ...Object.entries(features).map(([name, value]) => wish("features", [name], value)),
  ];
}

const asked = ["PixelFormat", "AcquisitionFrameRate", "AcquisitionFrameRateAbs"] as const;

/** Arguments of `arv-tool-0.8` that set what the options ask, and then read what the camera is set to. */
export function controlArguments(camera: string, options: GenicamCameraOptions): readonly string[] {
  const settings = wishesOf(options).flatMap(({ names, values }) =>
    names.flatMap((name) => values.map((value) => `${name}=${value}`)),
  );
  return ["--range-check=enable", "-a", camera, "control", ...settings, ...asked];
}

/** A line of the answer: a value, or why there is none. */
type Answer = { readonly name: string; readonly value: string } | { readonly name: string; readonly why: string };

/** Takes a line of `arv-tool-0.8 control` apart; undefined for any other. */
export function parseAnswer(line: string): Answer | undefined {
  const [, missing] = /^Feature '(.*)' not found$/.exec(line) ?? [];
  if (missing !== undefined) return { name: missing, why: "the camera has no such feature" };
  const [, failed, why] = /^(\w+) (?:write|read) error: (.*)$/.exec(line) ?? [];
  if (failed !== undefined && why !== undefined) return { name: failed, why };
  const [, name, value] = /^(\w+) = (.*?)(?: min:.*| max:.*| inc:.*)?$/.exec(line) ?? [];
  if (name !== undefined && value !== undefined) return { name, value };
  const [, executed] = /^(\w+) executed$/.exec(line) ?? [];
  return executed === undefined ? undefined : { name: executed, value: "" };
}

/** What a camera is set to. */
export interface CameraSettings {
  readonly pixelFormat: PixelFormat;
  readonly framesPerSecond: number | undefined;
}

/**
 * Reads the answer to `controlArguments`.
 * @throws CytoError CAMERA_UNSUPPORTED where the camera has not, or does not take, what is asked of it, or has a pixel format that is not
 *   read; CAMERA_OPEN_FAILED where it does not answer
 */
export function settingsOf(camera: string, options: GenicamCameraOptions, lines: readonly string[]): CameraSettings {
  const answers = lines.map(parseAnswer).filter((answer) => answer !== undefined);
  let at = 0;
  for (const { option, names, values } of wishesOf(options)) {
    const own = answers.slice(at, at + names.length * values.length);
    at += names.length * values.length;
    if (own.some((answer) => "value" in answer)) continue;
    const reasons = own.map((answer) => ("why" in answer ? `${answer.name}: ${answer.why}` : answer.name));
    // Every camera has a mode of acquisition or does without.
    if (option === "camera" && own.length > 0) continue;
    if (own.length === 0) throw silent(camera);
    throw refused(camera, option, reasons);
  }
  const read = answers.slice(at);
  const told = (name: string): string | undefined =>
    read.flatMap((answer) => (answer.name === name && "value" in answer ? [answer.value] : []))[0];
  const name = told("PixelFormat");
  if (name === undefined) throw silent(camera);
  const pixelFormat = pixelFormatOf(name);
  if (pixelFormat === undefined) throw unreadFormat(camera, name);
  const rate = Number(told("AcquisitionFrameRate") ?? told("AcquisitionFrameRateAbs"));
  return { pixelFormat, framesPerSecond: rate > 0 && Number.isFinite(rate) ? rate : undefined };
}

const silent = (camera: string): CytoError =>
  new CytoError("CAMERA_OPEN_FAILED", `The camera ${camera} does not tell its settings.`, {
    context: { source: camera },
  });

const refused = (camera: string, option: string, reasons: readonly string[]): CytoError =>
  new CytoError("CAMERA_UNSUPPORTED", `The camera ${camera} does not take \`${option}\` (${reasons.join("; ")}).`, {
    context: { source: camera, option, reasons },
    remedy: `Leave \`camera.options.${option}\` out, or see what the camera can: arv-tool-0.8 -a ${camera} features.`,
  });

const unreadFormat = (camera: string, name: string): CytoError =>
  new CytoError("CAMERA_UNSUPPORTED", `The camera ${camera} has the pixel format ${name}, which is not read.`, {
    context: { source: camera, pixelFormat: name },
    remedy: `Set \`camera.options.pixelFormat\` to one that the camera has of: ${pixelFormatNames.join(", ")}.`,
  });
