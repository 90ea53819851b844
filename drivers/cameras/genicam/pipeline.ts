import type { CameraSettings } from "./features.js";
import type { GenicamCameraOptions } from "./manifest.js";
import { capsOf, isBayer } from "./pixelFormats.js";

/** A rate as GStreamer takes it, exact to a thousandth. */
const fraction = (rate: number): string => `${Math.round(rate * 1000)}/1000`;

/**
 * Arguments of `gst-launch-1.0`: frames as raw RGB on descriptor 3, in rows that are padded to 4 bytes; on standard output the size of
 * the frames, and a line for each.
 */
export function pipelineArguments(
  camera: string,
  options: GenicamCameraOptions,
  { pixelFormat, framesPerSecond }: CameraSettings,
): readonly string[] {
  const source = [
    ...["aravissrc", `camera-name="${camera}"`, `num-arv-buffers=${options.buffers}`],
    `packet-resend=${options.packetResend}`,
    ...(options.packetSize === undefined ? [] : [`packet-size=${options.packetSize}`]),
    ...(options.packetDelayNs === undefined ? [] : [`packet-delay=${options.packetDelayNs}`]),
  ];
  // Left out, the rate would be rounded to a whole number.
  const rate = framesPerSecond === undefined ? "" : `,framerate=${fraction(framesPerSecond)}`;
  const conversion = [
    ...(isBayer(pixelFormat) ? ["!", "bayer2rgb"] : []),
    ...(pixelFormat === "RGB8" ? [] : ["!", "videoconvert", "!", "video/x-raw,format=RGB"]),
  ];
  const sink = ["!", "identity", "name=told", "silent=false", "!", "fdsink", "name=frames", "fd=3", "sync=false"];
  return ["-v", ...source, "!", `${capsOf(pixelFormat)}${rate}`, ...conversion, ...sink];
}

/** aravis tells of each frame that it completes or gives up; GStreamer of errors. Without colours. */
export const pipelineEnvironment: Readonly<Record<string, string>> = {
  ARV_DEBUG: "stream-thread:3",
  GST_DEBUG_NO_COLOR: "1",
  LC_ALL: "C",
};
