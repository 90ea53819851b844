import { CytoError } from "../../core/index.js";
import { type BinaryHeader, binaryHeaderSchema } from "./serverMessages.js";

/**
 * A binary message: the length of the header as an unsigned 32-bit integer, big-endian; the header, JSON in UTF-8; the picture.
 */
export const encodeBinaryMessage = (header: BinaryHeader, picture: Uint8Array): Buffer => {
  const json = Buffer.from(JSON.stringify(header), "utf8");
  const message = Buffer.allocUnsafe(4 + json.length + picture.length);
  message.writeUInt32BE(json.length, 0);
  json.copy(message, 4);
  message.set(picture, 4 + json.length);
  return message;
};

/**
 * The parts of a binary message; the picture is a view into it.
 * @throws CytoError REQUEST_INVALID where it is none
 */
export const decodeBinaryMessage = (message: Uint8Array): { header: BinaryHeader; picture: Uint8Array } => {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  const headerBytes = bytes.length < 4 ? Number.POSITIVE_INFINITY : bytes.readUInt32BE(0);
  if (headerBytes > bytes.length - 4) throw new CytoError("REQUEST_INVALID", "The binary message is cut short.");
  try {
    const header = binaryHeaderSchema.parse(JSON.parse(bytes.toString("utf8", 4, 4 + headerBytes)));
    return { header, picture: bytes.subarray(4 + headerBytes) };
  } catch (error) {
    throw CytoError.from(error, "REQUEST_INVALID");
  }
};
