import { CytoError } from "../../../src/core/index.js";
import type { CameraDriver } from "../../contract.js";
import { OwnedProcess } from "../../process/ownedProcess.js";
import { genicamCamera } from "./camera.js";
import { controlCamera, toolsNotFound } from "./control.js";
import { findCameras } from "./find.js";
import { type GenicamCameraOptions, manifest } from "./manifest.js";
import { pipelineArguments, pipelineEnvironment } from "./pipeline.js";

/** Names as cameras have them: nothing that a pipeline's description could take for its own. */
const cameraName = /^[A-Za-z0-9][A-Za-z0-9 ._:()+,/-]{0,199}$/;

function checkSource(source: string | undefined): string {
  if (source === undefined || source === "") {
    throw new CytoError("CAMERA_SOURCE_NOT_FOUND", "The genicam camera needs a source: an address or a name.", {
      remedy: `Give ${manifest.sourceSyntax}.`,
    });
  }
  if (!cameraName.test(source)) {
    throw new CytoError("CAMERA_SOURCE_NOT_FOUND", "The source is no camera's address or name.", {
      context: { source },
      remedy: `Give ${manifest.sourceSyntax}.`,
    });
  }
  return source;
}

export const driver: CameraDriver<GenicamCameraOptions> = {
  manifest,
  find: findCameras,
  async open(request) {
    const { options, signal } = request;
    signal.throwIfAborted();
    const source = checkSource(request.source);
    const settings = await controlCamera(source, options, signal);
    const pipeline = await OwnedProcess.start(options.gstreamerPath, pipelineArguments(source, options, settings), {
      notStarted: toolsNotFound,
      environment: pipelineEnvironment,
      hasSideOutput: true,
      // Asked so, it gives back the control of the camera; killed, it keeps it until the camera misses its sign of life.
      stopSignal: "SIGINT",
    });
    const camera = genicamCamera({ pipeline, source, settings, request });
    try {
      await camera.start(options.openTimeoutMs);
      return camera;
    } catch (error) {
      await camera[Symbol.asyncDispose]();
      throw error;
    }
  },
};
