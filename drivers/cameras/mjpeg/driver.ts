import type { IncomingMessage } from "node:http";
import { CytoError } from "../../../src/core/index.js";
import { decodePicture } from "../../../src/pictures/index.js";
import type { CameraDriver, CameraOpenRequest } from "../../contract.js";
import { type FramePixels, LiveCamera } from "../../frames/liveCamera.js";
import { parseAddress, type StreamAddress } from "./address.js";
import { type MjpegCameraOptions, manifest } from "./manifest.js";
import { boundaryOf, type MultipartEvent, MultipartParser } from "./multipart.js";
import { requestStream } from "./request.js";

type Request = CameraOpenRequest<MjpegCameraOptions>;

/** A picture as it came. */
type Picture = Uint8Array;

/** Decodes what was fetched, not what was overwritten: a fast camera costs no more than the frames that are used. */
function decoder({ options, onFault }: Request, source: string) {
  return async (jpeg: Picture): Promise<FramePixels | undefined> => {
    try {
      const { width, height, pixels } = await decodePicture(jpeg, { maxPixels: options.maxMegapixels * 1e6 });
      return { width, height, pixels };
    } catch (error) {
      const { code, message } = CytoError.from(error, "IMAGE_UNREADABLE");
      onFault?.(new CytoError(code, `${source}: ${message}`, { cause: error, context: { source } }));
      return undefined;
    }
  };
}

const notMultipart = (source: string, contentType: string): CytoError =>
  new CytoError("CAMERA_UNSUPPORTED", `${source} serves ${contentType}, not multipart MJPEG.`, {
    context: { source, contentType },
    remedy: "Give the address of the camera's MJPEG stream, not of its page or of a single picture.",
  });

const typeOf = ({ headers }: IncomingMessage): string => (headers["content-type"] ?? "").slice(0, 200) || "no type";

/** Types by which servers serve what they know nothing of, and multipart without its boundary: the stream itself tells. */
const untold = /^(no type|application\/octet-stream|multipart\/)/i;

/** @throws CytoError CAMERA_UNSUPPORTED where it is something else */
function parserFor(response: IncomingMessage, source: string, options: MjpegCameraOptions): MultipartParser {
  const type = typeOf(response);
  const boundary = boundaryOf(type);
  if (boundary === undefined && !untold.test(type)) {
    response.destroy();
    throw notMultipart(source, type);
  }
  return new MultipartParser(boundary, { maxBodyBytes: options.maxPictureMiB * 1_048_576 });
}

interface Feed {
  readonly camera: LiveCamera<Picture>;
  readonly response: IncomingMessage;
  readonly parser: MultipartParser;
  readonly address: StreamAddress;
  /** Aborted when the camera is closed: what ends then has been ended by it. */
  readonly closing: AbortSignal;
}

/** Reads the stream's parts into the camera until it ends. */
function feed({ camera, response, parser, address, closing }: Feed): void {
  const source = address.shown;
  const over = (why: string): void => {
    if (closing.aborted) return;
    if (parser.partial) camera.lose("was cut off");
    camera.fail(new CytoError("CAMERA_DISCONNECTED", `${source}: ${why}.`, { context: { source } }));
  };
  const take = (event: MultipartEvent): void => {
    if (event.kind === "part") camera.put(event.body);
    else camera.lose(`cannot be read: the stream ${event.why}`);
  };
  response.on("data", (chunk: Uint8Array) => {
    parser.push(chunk).forEach(take);
    if (!parser.over) return;
    if (parser.foreign) camera.fail(notMultipart(source, typeOf(response)));
    over("the stream has told its end");
    response.destroy();
  });
  response.once("end", () => over("the stream has ended"));
  response.on("error", (error) =>
    over(`the stream was cut (${(error as NodeJS.ErrnoException).code ?? error.message})`),
  );
  closing.addEventListener("abort", () => response.destroy());
}

/** The answer with the stream, within the time for opening; the stream itself outlives that time. */
async function connect(request: Request, address: StreamAddress, closing: AbortSignal): Promise<IncomingMessage> {
  const { maxRedirects, verifyTls, openTimeoutMs } = request.options;
  const giveUp = new AbortController();
  const timer = setTimeout(() => giveUp.abort(), openTimeoutMs);
  const signal = AbortSignal.any([request.signal, closing, giveUp.signal]);
  try {
    return await requestStream({ address, maxRedirects, verifyTls, signal });
  } catch (error) {
    request.signal.throwIfAborted();
    if (!giveUp.signal.aborted) throw error;
    throw new CytoError("CAMERA_STALE", `${address.shown} did not answer within ${openTimeoutMs} ms.`, {
      context: { source: address.shown, afterMs: openTimeoutMs },
    });
  } finally {
    clearTimeout(timer);
  }
}

export const driver: CameraDriver<MjpegCameraOptions> = {
  manifest,
  async open(request) {
    const { options, signal, onFault } = request;
    signal.throwIfAborted();
    const address = parseAddress(request.source);
    const source = address.shown;
    const closing = new AbortController();
    const camera = new LiveCamera<Picture>({
      ...{ signal, onFault, source },
      stallTimeoutMs: options.stallTimeoutMs,
      toPixels: decoder(request, source),
      close: async () => closing.abort(),
    });
    try {
      const response = await connect(request, address, closing.signal);
      const parser = parserFor(response, source, options);
      feed({ camera, response, parser, address, closing: closing.signal });
      await camera.start(options.openTimeoutMs);
      return camera;
    } catch (error) {
      await camera[Symbol.asyncDispose]();
      throw error;
    }
  },
};
