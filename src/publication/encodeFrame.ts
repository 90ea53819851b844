import { CytoError, type Frame } from "../core/index.js";
import { encodeJpeg, encodePng } from "../pictures/index.js";
import type { FrameInput, PublishedDensity } from "./input.js";
import type { Outgoing, TopicOptions } from "./outgoing.js";
import { encodeFrameMessage } from "./protocol/binary.js";
import { defaultFrameWidth, type StreamLimits } from "./protocol/limits.js";
import type { FrameHeader } from "./protocol/serverMessages.js";
import { cellsMessage, fieldMessage } from "./serialise.js";

/** Parts of the configured quality tried in turn until a frame fits into one message; then the picture is halved. */
const qualitySteps = [1, 0.8, 0.6] as const;
const smallestSidePx = 64;

/** What a frame may need beside a header that fills the message by itself. */
const leastJpegBytes = 32 * 1024;

/** What a client asked for, and what the configuration allows. */
export type FrameOptions = TopicOptions & { readonly limits: StreamLimits };

/** A frame's pixels as JPEG of at most `maxBytes`, `maxWidth` px wide. */
const jpegWithin = async (frame: Frame, options: FrameOptions, maxBytes: number): Promise<Uint8Array> => {
  const { width, height } = frame;
  const maxWidth = options.width ?? defaultFrameWidth;
  const scale = Math.min(1, maxWidth / width);
  for (let maxSide = Math.ceil(Math.max(width, height) * scale); maxSide >= smallestSidePx; maxSide >>= 1) {
    for (const step of qualitySteps) {
      const quality = Math.max(1, Math.round(options.limits.frameQuality * step));
      const jpeg = await encodeJpeg(frame, { maxSide, quality });
      if (jpeg.length <= maxBytes) return jpeg;
    }
  }
  throw new CytoError("FRAME_INVALID", "The frame cannot be made small enough to send.");
};

/** Up to three planes in [0, 1] as the red, green and blue of one picture. */
export const densityPixels = (density: PublishedDensity): Uint8Array<ArrayBuffer> => {
  const { width, height, planes, classes } = density;
  const area = width * height;
  const pixels = new Uint8Array(area * 3);
  for (let plane = 0; plane < Math.min(3, classes.length); plane++) {
    const offset = plane * area;
    for (let i = 0; i < area; i++) {
      const value = planes[offset + i] ?? 0;
      pixels[i * 3 + plane] = value <= 0 ? 0 : value >= 1 ? 255 : value * 255 + 0.5;
    }
  }
  return pixels;
};

/** The message of `frames` for clients with these options. */
export const encodeFrame = async (
  input: FrameInput,
  envelope: { readonly sequence: number; readonly publishedAtMs: number },
  options: FrameOptions,
): Promise<Outgoing> => {
  const density = options.density === true ? input.density : undefined;
  const png = density === undefined ? undefined : await densityPng(density);
  const header: FrameHeader = {
    type: "frame",
    ...envelope,
    simulated: input.frame.simulated,
    field: fieldMessage(input.frame, input.placement),
    picture: { encoding: "jpeg", bytes: 0 },
    ...(density === undefined || png === undefined ? {} : { density: densityHeader(density, png.length) }),
    ...(options.cells === true ? cellsMessage(input.cells) : {}),
  };
  const otherBytes = Buffer.byteLength(JSON.stringify(header)) + 16 + (png?.length ?? 0);
  const maxBytes = Math.max(leastJpegBytes, options.limits.clientBufferBytes - otherBytes);
  const jpeg = await jpegWithin(input.frame, options, maxBytes);
  const whole: FrameHeader = { ...header, picture: { encoding: "jpeg", bytes: jpeg.length } };
  const data = encodeFrameMessage(whole, png === undefined ? [jpeg] : [jpeg, png]);
  return { topic: "frames", sequence: header.sequence, data, binary: true };
};

const densityPng = ({ width, height, ...density }: PublishedDensity): Promise<Uint8Array> =>
  encodePng({ width, height, pixels: densityPixels({ width, height, ...density }) });

const densityHeader = (density: PublishedDensity, bytes: number): NonNullable<FrameHeader["density"]> => ({
  encoding: "png",
  bytes,
  classes: [...density.classes],
  width: density.width,
  height: density.height,
  framePixelsPerMapPixel: density.framePixelsPerMapPixel,
});
