import { z } from "zod";
import { CytoError } from "../../src/core/index.js";
import type { FramePixels } from "../frames/liveCamera.js";

const messageSchema = z.union([
  z.object({ id: z.int(), result: z.record(z.string(), z.unknown()) }),
  z.object({ id: z.int(), error: z.object({ kind: z.string(), message: z.string() }) }),
  z.object({ event: z.literal("cameraFailed"), session: z.int(), kind: z.string(), message: z.string() }),
]);

/** A line that the bridge writes. */
export type BridgeMessage = z.output<typeof messageSchema>;

/** Takes a line apart; undefined for what is none of the bridge's. */
export function parseMessage(line: string): BridgeMessage | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const message = messageSchema.safeParse(value);
  return message.success ? message.data : undefined;
}

/** A frame as the bridge sends it. */
export interface BridgeFrame extends FramePixels {
  /** Of the opening of the camera that it belongs to. */
  readonly session: number;
  /** Frames that were lost before it. */
  readonly lost: number;
  readonly capturedAtMs: number;
}

/** Bytes of a frame's header, little endian: mark, session, width, height, lost, nothing, time of the capture, um per pixel. */
export const frameHeaderBytes = 40;
const mark = 0x31465943;

/**
 * Cuts the bridge's frames out of a pipe. Chunks may end anywhere; each byte of a picture is copied once. Pure.
 */
export class BridgeFrameReader {
  readonly #header = new Uint8Array(frameHeaderBytes);
  #headerFilled = 0;
  #frame: BridgeFrame | undefined;
  #filled = 0;

  constructor(readonly maxPixels: number) {}

  /**
   * @throws CytoError FRAME_INVALID for what is no header, IMAGE_TOO_LARGE over the limit: nothing can be read after it
   */
  push(chunk: Uint8Array): readonly BridgeFrame[] {
    const frames: BridgeFrame[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (this.#frame === undefined) {
        at += this.#takeHeader(chunk.subarray(at));
        continue;
      }
      const part = chunk.subarray(at, at + this.#frame.pixels.length - this.#filled);
      this.#frame.pixels.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled < this.#frame.pixels.length) continue;
      frames.push(this.#frame);
      this.#frame = undefined;
    }
    return frames;
  }

  #takeHeader(bytes: Uint8Array): number {
    const part = bytes.subarray(0, frameHeaderBytes - this.#headerFilled);
    this.#header.set(part, this.#headerFilled);
    this.#headerFilled += part.length;
    if (this.#headerFilled < frameHeaderBytes) return part.length;
    this.#headerFilled = 0;
    this.#filled = 0;
    this.#frame = this.#begin(new DataView(this.#header.buffer));
    return part.length;
  }

  #begin(header: DataView): BridgeFrame {
    const [session, width, height, lost] = [4, 8, 12, 16].map((at) => header.getUint32(at, true)) as [
      number,
      number,
      number,
      number,
    ];
    if (header.getUint32(0, true) !== mark || width < 1 || height < 1) {
      throw new CytoError("FRAME_INVALID", "Micro-Manager's bridge sends what is no frame.");
    }
    if (width * height > this.maxPixels) {
      throw new CytoError("IMAGE_TOO_LARGE", `Frames of ${width} x ${height} pixels are over the limit.`, {
        context: { width, height, maxPixels: this.maxPixels },
      });
    }
    const umPerPixel = header.getFloat64(32, true);
    return {
      ...{ session, lost, width, height, capturedAtMs: header.getFloat64(24, true) },
      pixels: new Uint8Array(width * height * 3),
      ...(umPerPixel > 0 ? { umPerPixel } : {}),
    };
  }
}
