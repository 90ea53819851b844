import { CytoError } from "../../../src/core/index.js";
import type { CameraDriver, CameraOpenRequest } from "../../contract.js";
import { LiveCamera } from "../../frames/liveCamera.js";
import {
  type BridgeFrame,
  type BridgeLease,
  configurationOf,
  failureOf,
  leaseBridge,
  type RoleCodes,
} from "../../micromanager/index.js";
import { type MicromanagerCameraOptions, manifest } from "./manifest.js";

const codes: RoleCodes = {
  absent: "CAMERA_SOURCE_NOT_FOUND",
  busy: "CAMERA_BUSY",
  failed: "CAMERA_OPEN_FAILED",
  lost: "CAMERA_DISCONNECTED",
  silent: "CAMERA_STALE",
  refused: "CAMERA_UNSUPPORTED",
  unsupported: "CAMERA_UNSUPPORTED",
};

/** Within the time that acquisition gives a camera to close. */
const closeTimeoutMs = 4000;

/** More frames than these, lost at once, are a counter that has begun anew. */
const mostLost = 10_000;

type Request = CameraOpenRequest<MicromanagerCameraOptions>;

/** The camera of a bridge that is leased; it owns the lease. */
function cameraOn(lease: BridgeLease, request: Request, session: number): LiveCamera<BridgeFrame> {
  const { bridge } = lease;
  const { signal, onFault, options } = request;
  const source = options.camera ?? request.source ?? "Micro-Manager";
  const camera = new LiveCamera<BridgeFrame>({
    ...{ signal, onFault, source, stallTimeoutMs: options.stallTimeoutMs },
    toPixels: ({ width, height, pixels, umPerPixel }) => ({
      ...{ width, height, pixels },
      ...(umPerPixel === undefined ? {} : { umPerPixel }),
    }),
    close: async () => {
      deaf();
      await bridge.request("camera.close", { session }, closeTimeoutMs);
      if (bridge.sink?.session === session) bridge.sink = undefined;
      await lease[Symbol.asyncDispose]();
    },
  });
  const deaf = bridge.onLost((message) => camera.fail(failureOf({ state: "lost", message }, codes)));
  const maxPixels = options.maxMegapixels * 1e6;
  bridge.sink = {
    session,
    onFrame: (frame) => {
      for (let lost = 0; lost < Math.min(frame.lost, mostLost); lost++) camera.lose("was overwritten in Micro-Manager");
      if (frame.width * frame.height <= maxPixels) camera.put(frame);
      else camera.fail(tooLarge(frame, maxPixels));
    },
    onFailure: (kind, message) => {
      const code = kind === "format" ? "CAMERA_UNSUPPORTED" : "CAMERA_DISCONNECTED";
      camera.fail(new CytoError(code, `Micro-Manager: ${message}`, { context: { source } }));
    },
  };
  return camera;
}

const tooLarge = ({ width, height }: BridgeFrame, maxPixels: number): CytoError =>
  new CytoError("IMAGE_TOO_LARGE", `Frames of ${width} x ${height} pixels are over the limit.`, {
    context: { width, height, maxPixels },
  });

export const driver: CameraDriver<MicromanagerCameraOptions> = {
  manifest,
  async open(request) {
    const { options, signal, onNotice } = request;
    const lease = await leaseBridge(configurationOf(request.source, options), codes, signal);
    const { bridge } = lease;
    if (bridge.sink !== undefined) {
      await lease[Symbol.asyncDispose]();
      throw new CytoError(codes.busy, "The camera of this configuration is open already.");
    }
    const session = bridge.newSession();
    const camera = cameraOn(lease, request, session);
    try {
      const { camera: label, exposureMs, binning, region, properties } = options;
      const words = { session, camera: label, exposureMs, binning, region, properties };
      const outcome = await bridge.request("camera.open", words, options.openTimeoutMs);
      signal.throwIfAborted();
      if (outcome.state !== "done") throw failureOf(outcome, codes);
      const device = String(outcome.result.device);
      if (device.startsWith("DemoCamera "))
        onNotice?.("The camera is Micro-Manager's DemoCamera: nothing of it is real.");
      await camera.start(options.openTimeoutMs);
      return camera;
    } catch (error) {
      await camera[Symbol.asyncDispose]();
      throw error;
    }
  },
};
