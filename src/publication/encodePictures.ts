import { CytoError } from "../core/index.js";
import { encodeJpeg, encodePng } from "../pictures/index.js";
import type { DensityInput, FrameInput } from "./input.js";
import type { Outgoing, TopicOptions } from "./outgoing.js";
import { encodeBinaryMessage } from "./protocol/binary.js";
import { defaultFrameWidth, frameWidths, maxBufferedBytes } from "./protocol/limits.js";
import type { BinaryHeader, FrameHeader } from "./protocol/serverMessages.js";
import { cellsMessage, fieldMessage } from "./serialise.js";

/** JPEG qualities tried in turn until a frame fits into one message; then the picture is halved. */
const qualities = [82, 68, 50] as const;
const smallestSidePx = 64;

/** The greatest of `frameWidths` that is not above what a client asked for. */
export const frameWidthFor = (maxWidth: number): number =>
  frameWidths.findLast((width) => width <= maxWidth) ?? frameWidths[0];

/** A frame's pixels as JPEG of at most `maxBytes`, `maxWidth` px wide. */
const jpegWithin = async (input: FrameInput, maxWidth: number, maxBytes: number): Promise<Uint8Array> => {
  const { width, height } = input.frame;
  const scale = Math.min(1, maxWidth / width);
  for (let maxSide = Math.ceil(Math.max(width, height) * scale); maxSide >= smallestSidePx; maxSide >>= 1) {
    for (const quality of qualities) {
      const jpeg = await encodeJpeg(input.frame, { maxSide, quality });
      if (jpeg.length <= maxBytes) return jpeg;
    }
  }
  throw new CytoError("FRAME_INVALID", "The frame cannot be made small enough to send.");
};

/** The message of `frames` for clients with these options. */
export const encodeFrame = async (
  input: FrameInput,
  envelope: { readonly sequence: number; readonly publishedAtMs: number },
  options: TopicOptions,
): Promise<Outgoing> => {
  const header: FrameHeader = {
    type: "frame",
    ...envelope,
    simulated: input.frame.simulated,
    field: fieldMessage(input.frame, input.placement),
    encoding: "jpeg",
    ...(options.cells === true ? cellsMessage(input.cells) : {}),
  };
  const headerBytes = Buffer.byteLength(JSON.stringify(header)) + 4;
  const jpeg = await jpegWithin(input, options.width ?? defaultFrameWidth, maxBufferedBytes - headerBytes);
  return binary("frames", header, jpeg);
};

/** Up to three planes in [0, 1] as the red, green and blue of one picture. */
export const densityPixels = (density: DensityInput["density"]): Uint8Array<ArrayBuffer> => {
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

/** The message of `density`. */
export const encodeDensity = async (
  input: DensityInput,
  envelope: { readonly sequence: number; readonly publishedAtMs: number },
): Promise<Outgoing> => {
  const { density, frame, placement } = input;
  const { width, height } = density;
  const png = await encodePng({ width, height, pixels: densityPixels(density) });
  const header: BinaryHeader = {
    type: "density",
    ...envelope,
    simulated: frame.simulated,
    field: fieldMessage(frame, placement),
    encoding: "png",
    classes: [...density.classes],
    width,
    height,
    framePixelsPerMapPixel: density.framePixelsPerMapPixel,
  };
  return binary("density", header, png);
};

const binary = (topic: "frames" | "density", header: BinaryHeader, picture: Uint8Array): Outgoing => {
  const data = encodeBinaryMessage(header, picture);
  if (data.length > maxBufferedBytes) {
    throw new CytoError("FRAME_INVALID", `A message of ${data.length} bytes is too long to send.`);
  }
  return { topic, sequence: header.sequence, data, binary: true };
};
