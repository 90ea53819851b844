import { CytoError } from "../../core/index.js";
import { type FrameHeader, frameHeaderSchema } from "./serverMessages.js";

/** A message of `frames`, taken apart; the pictures are views into it. */
export interface DecodedFrame {
  readonly header: FrameHeader;
  readonly picture: Uint8Array;
  readonly density: Uint8Array | undefined;
}

/**
 * A message of `frames`: the length of the header as an unsigned 32-bit integer, big-endian; the header, JSON in UTF-8; the
 * picture; the density map, where the header names one.
 */
export const encodeFrameMessage = (header: FrameHeader, pictures: readonly Uint8Array[]): Buffer => {
  const json = Buffer.from(JSON.stringify(header), "utf8");
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32BE(json.length, 0);
  return Buffer.concat([length, json, ...pictures]);
};

/**
 * Takes a message of `frames` apart.
 * @throws CytoError REQUEST_INVALID where it is none
 */
export const decodeFrameMessage = (message: Uint8Array): DecodedFrame => {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  const pictureAt = bytes.length < 4 ? Number.POSITIVE_INFINITY : 4 + bytes.readUInt32BE(0);
  if (pictureAt > bytes.length) throw new CytoError("REQUEST_INVALID", "The message is cut short.");
  const header = parseHeader(bytes.toString("utf8", 4, pictureAt));
  const densityAt = pictureAt + header.picture.bytes;
  if (densityAt + (header.density?.bytes ?? 0) !== bytes.length) {
    throw new CytoError("REQUEST_INVALID", "The pictures are not as long as the header says.");
  }
  return {
    header,
    picture: bytes.subarray(pictureAt, densityAt),
    density: header.density === undefined ? undefined : bytes.subarray(densityAt),
  };
};

const parseHeader = (json: string): FrameHeader => {
  try {
    return frameHeaderSchema.parse(JSON.parse(json));
  } catch (error) {
    throw CytoError.from(error, "REQUEST_INVALID");
  }
};
