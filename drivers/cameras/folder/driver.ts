import { setTimeout as delay } from "node:timers/promises";
import { CytoError } from "../../../src/core/index.js";
import type { Camera, CameraDriver, CameraFrame, CameraOpenRequest } from "../../contract.js";
import { decodeAhead } from "./decodeAhead.js";
import { listPictures } from "./listPictures.js";
import { type FolderCameraOptions, manifest } from "./manifest.js";

class FolderCamera implements Camera {
  readonly pace: "live" | "onDemand";
  readonly frameIntervalMs: number | undefined;
  readonly #closing = new AbortController();
  readonly #signal: AbortSignal;
  #iterated = false;
  #lastCaptureMs = 0;
  #dueMs = 0;

  constructor(
    readonly source: string,
    readonly request: CameraOpenRequest<FolderCameraOptions>,
    readonly firstPass: readonly string[],
  ) {
    const { framesPerSecond } = request.options;
    this.pace = framesPerSecond > 0 ? "live" : "onDemand";
    this.frameIntervalMs = framesPerSecond > 0 ? 1000 / framesPerSecond : undefined;
    this.#signal = AbortSignal.any([request.signal, this.#closing.signal]);
  }

  frames(): AsyncIterable<CameraFrame> {
    if (this.#iterated) throw new CytoError("INTERNAL", "The frames of a camera were asked for twice.");
    this.#iterated = true;
    return this.#passes();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
  }

  async *#passes(): AsyncGenerator<CameraFrame, void, undefined> {
    const { repeat, recursive } = this.request.options;
    let paths: readonly string[] = this.firstPass;
    while (!this.#signal.aborted) {
      let delivered = 0;
      for await (const frame of this.#onePass(paths)) {
        delivered++;
        yield frame;
      }
      if (this.#signal.aborted) return;
      if (delivered === 0) throw noneReadable(this.source, paths.length);
      if (!repeat) return;
      // What has come into the folder or gone from it is seen in the next round.
      paths = await listPictures(this.source, { recursive });
    }
  }

  async *#onePass(paths: readonly string[]): AsyncGenerator<CameraFrame, void, undefined> {
    const { decodeAhead: ahead, maxMegapixels } = this.request.options;
    for await (const decoded of decodeAhead(paths, { ahead, maxPixels: maxMegapixels * 1e6 })) {
      if (this.#signal.aborted) return;
      if ("fault" in decoded) {
        this.request.onFault?.(decoded.fault);
        continue;
      }
      await this.#turn();
      if (this.#signal.aborted) return;
      const { width, height, pixels } = decoded.picture;
      // The system's clock may be set back; frames must not seem to.
      this.#lastCaptureMs = Math.max(this.#lastCaptureMs, Date.now());
      yield { capturedAtMs: this.#lastCaptureMs, width, height, pixels, source: decoded.path, simulated: false };
    }
  }

  /** Waits for the next frame's time. After a delay the schedule goes on from now: frames never come in a burst. */
  async #turn(): Promise<void> {
    if (this.frameIntervalMs === undefined) return;
    const nowMs = performance.now();
    this.#dueMs = Math.max(this.#dueMs, nowMs);
    const waitMs = this.#dueMs - nowMs;
    this.#dueMs += this.frameIntervalMs;
    if (waitMs <= 0) return;
    await delay(waitMs, undefined, { signal: this.#signal }).catch((error: unknown) => {
      if (!this.#signal.aborted) throw error;
    });
  }
}

const noneReadable = (source: string, count: number): CytoError =>
  new CytoError("IMAGE_UNREADABLE", `None of the ${count} pictures of ${source} can be read.`, {
    context: { source, pictures: count },
  });

export const driver: CameraDriver<FolderCameraOptions> = {
  manifest,
  async open(request) {
    request.signal.throwIfAborted();
    const { source } = request;
    if (source === undefined || source === "") {
      throw new CytoError(
        "CAMERA_SOURCE_NOT_FOUND",
        "The folder camera needs a source: a folder, a picture or a glob.",
        {
          remedy: `Give ${manifest.sourceSyntax}.`,
        },
      );
    }
    const paths = await listPictures(source, { recursive: request.options.recursive });
    request.signal.throwIfAborted();
    return new FolderCamera(source, request, paths);
  },
};
