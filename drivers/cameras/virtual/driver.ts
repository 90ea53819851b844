import { CytoError } from "../../../src/core/index.js";
import type { CameraDriver, CameraOpenRequest } from "../../contract.js";
import { slideOf, VirtualCamera } from "./camera.js";
import { choosePainting, type Painting } from "./choosePainting.js";
import { manifest, type VirtualCameraOptions } from "./manifest.js";
import { RenderThread } from "./renderThread.js";
import { opticsOf } from "./selfScan.js";

export { VirtualCamera } from "./camera.js";

/** The options with the seed that the source names, if it names one. */
const withSource = (options: VirtualCameraOptions, source: string | undefined): VirtualCameraOptions => {
  if (source === undefined || source === "") return options;
  const seed = Number(source);
  if (!/^\d{1,10}$/.test(source) || seed > 0xffff_ffff) {
    throw new CytoError("CAMERA_NOT_FOUND", `There is no virtual slide ${JSON.stringify(source)}.`, {
      context: { source },
      remedy: "Give the number of a slide, 0 to 4294967295, or none.",
    });
  }
  return { ...options, seed };
};

const startThread = (options: VirtualCameraOptions, painting: Painting): RenderThread => {
  const setup = { slide: slideOf(options), optics: opticsOf(options) };
  if (painting.kind === "drawn") return new RenderThread(setup);
  const { directory, firstUm } = painting;
  return new RenderThread({ ...setup, painting: { directory, firstUm } });
};

/** What a model lacks stays what it is; anything else is the camera's. */
const openingError = (error: unknown): CytoError => {
  const known = CytoError.from(error);
  if (known.code.startsWith("MODEL_") || known.code.startsWith("PROVIDER_")) return known;
  return new CytoError("CAMERA_OPEN_FAILED", "The virtual slide's painting thread does not start.", { cause: error });
};

const open = async (request: CameraOpenRequest<VirtualCameraOptions>): Promise<VirtualCamera> => {
  const { signal, onNotice } = request;
  signal.throwIfAborted();
  const options = withSource(request.options, request.source);
  const painting = await choosePainting(options);
  signal.throwIfAborted();
  if (painting.kind === "drawn" && painting.reason !== undefined)
    onNotice?.(`The cells of the virtual slide are drawn by rules, not painted by a network: ${painting.reason}.`);
  const thread = startThread(options, painting);
  const stop = (): void => void thread[Symbol.asyncDispose]();
  signal.addEventListener("abort", stop, { once: true });
  try {
    await thread.ready();
    signal.throwIfAborted();
    return new VirtualCamera(options, { signal, thread, painting });
  } catch (error) {
    await thread[Symbol.asyncDispose]();
    signal.throwIfAborted();
    throw openingError(error);
  } finally {
    signal.removeEventListener("abort", stop);
  }
};

export interface VirtualCameraDriver extends CameraDriver<VirtualCameraOptions> {
  open(request: CameraOpenRequest<VirtualCameraOptions>): Promise<VirtualCamera>;
}

/** The virtual slide as a camera. */
export const driver: VirtualCameraDriver = { manifest, open };
