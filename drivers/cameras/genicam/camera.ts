import { CytoError, type ErrorCode } from "../../../src/core/index.js";
import type { Camera, CameraOpenRequest } from "../../contract.js";
import { type FramePixels, LiveCamera } from "../../frames/liveCamera.js";
import { LineSplitter } from "../../process/lineSplitter.js";
import type { OwnedProcess } from "../../process/ownedProcess.js";
import { toolsNotFound } from "./control.js";
import type { CameraSettings } from "./features.js";
import { FrameLedger, TimeLedger } from "./ledger.js";
import type { GenicamCameraOptions } from "./manifest.js";
import { RasterAssembler } from "./rasterAssembler.js";
import { endReason, parseError, parseOutput, type Report } from "./report.js";

/** Lines that are kept for the reason of an end. */
const maxLinesKept = 30;

export interface GenicamStreamParts {
  readonly pipeline: OwnedProcess;
  readonly source: string;
  readonly settings: CameraSettings;
  readonly request: CameraOpenRequest<GenicamCameraOptions>;
}

/** A pipeline at work: pixels from descriptor 3, their size from its standard output, lost frames and trouble from its standard error. */
class GenicamStream {
  readonly camera: LiveCamera<FramePixels>;
  readonly #parts: GenicamStreamParts;
  readonly #numbers = new FrameLedger();
  readonly #times: TimeLedger;
  readonly #errors: string[] = [];
  #assembler: RasterAssembler | undefined;
  /** Bytes that came before their size was told. */
  #early: Uint8Array[] = [];
  #closing = false;
  /** Standard output and error, the pixels, and the process itself. */
  #open = 4;
  #begun = false;

  constructor(parts: GenicamStreamParts) {
    this.#parts = parts;
    const { request, source, settings, pipeline } = parts;
    const triggered = request.options.trigger !== undefined;
    const intervalMs =
      triggered || settings.framesPerSecond === undefined ? undefined : 1000 / settings.framesPerSecond;
    this.#times = new TimeLedger(intervalMs);
    this.camera = new LiveCamera({
      ...{ signal: request.signal, onFault: request.onFault, source },
      stallTimeoutMs: request.options.stallTimeoutMs,
      toPixels: (frame) => frame,
      frameIntervalMs: () => intervalMs,
      close: async () => {
        this.#closing = true;
        await pipeline[Symbol.asyncDispose]();
      },
    });
    this.#listen(pipeline);
  }

  #listen({ stdout, stderr, sideOutput, exited }: OwnedProcess): void {
    const lines = (stream: NodeJS.ReadableStream, parse: (line: string) => Report | undefined): void => {
      const splitter = new LineSplitter();
      const take = (line: string): void => {
        const report = parse(line);
        if (report !== undefined) this.#take(report);
      };
      stream.setEncoding("utf8").on("data", (piece: string) => splitter.push(piece).forEach(take));
      stream.once("close", () => {
        splitter.end().forEach(take);
        this.#ended();
      });
    };
    lines(stdout, parseOutput);
    lines(stderr, parseError);
    sideOutput?.on("data", (chunk: Uint8Array) => this.#assemble(chunk)).once("close", () => this.#ended());
    void exited.then(() => this.#ended());
  }

  #take(report: Report): void {
    switch (report.kind) {
      case "size":
        this.#size(report.width, report.height);
        break;
      case "written":
        this.#written(report.bytes, report.timestampMs);
        break;
      case "completed":
        this.#lose(this.#numbers.complete(report.frameId), "never arrived");
        break;
      case "lost":
        this.#lose(this.#numbers.giveUp(report.frameId), "did not arrive whole");
        break;
      case "error":
        this.#errors.push(report.text);
        if (this.#errors.length > maxLinesKept) this.#errors.shift();
    }
  }

  #size(width: number, height: number): void {
    const known = this.#assembler;
    if (known !== undefined) {
      if (known.width !== width || known.height !== height) {
        this.#invalid(`Frames of ${this.#parts.source} change their size to ${width} x ${height}.`);
      }
      return;
    }
    try {
      this.#assembler = new RasterAssembler(width, height, this.#parts.request.options.maxMegapixels * 1e6);
    } catch (error) {
      this.camera.fail(CytoError.from(error));
      return;
    }
    const early = this.#early;
    this.#early = [];
    for (const chunk of early) this.#assemble(chunk);
  }

  /** A frame of another length would shift all that come after it. */
  #written(bytes: number, timestampMs: number | undefined): void {
    const expected = this.#assembler?.frameBytes;
    if (expected !== undefined && bytes !== expected) {
      this.#invalid(`A frame of ${this.#parts.source} has ${bytes} bytes instead of ${expected}.`);
      return;
    }
    const missing = this.#times.arrive(timestampMs);
    if (!this.#numbers.numbered) this.#lose(missing, "is missing by the times of its neighbours");
  }

  #invalid(message: string): void {
    this.camera.fail(new CytoError("FRAME_INVALID", message, { context: { source: this.#parts.source } }));
    this.#closing = true;
  }

  #lose(count: number, how: string): void {
    for (let lost = 0; lost < count; lost++) this.camera.lose(how);
  }

  #assemble(chunk: Uint8Array): void {
    if (this.#closing) return;
    if (this.#assembler === undefined) {
      this.#early.push(chunk);
      return;
    }
    for (const frame of this.#assembler.push(chunk)) {
      this.#begun = true;
      this.camera.put(frame);
    }
  }

  /** One of the streams, or the process itself, has ended; when all have, it is known why. */
  #ended(): void {
    this.#open--;
    if (this.#open > 0 || this.#closing) return;
    this.camera.fail(this.#failure());
  }

  #failure(): CytoError {
    const { source } = this.#parts;
    const reason = endReason(this.#errors);
    if (reason?.code === "GENICAM_TOOLS_NOT_FOUND") return toolsNotFound(`GStreamer: ${reason.text}`);
    const code: ErrorCode = this.#begun ? "CAMERA_DISCONNECTED" : (reason?.code ?? "CAMERA_OPEN_FAILED");
    const text = reason?.text ?? this.#errors[0] ?? "the stream has ended";
    return new CytoError(code, `${source}: ${text}`, {
      context: {
        source,
        framesCompleted: this.#numbers.completed,
        framesLost: this.#numbers.lost,
        lastLines: this.#errors.slice(-6),
      },
    });
  }
}

/** A camera over a pipeline that has been started; it owns the pipeline. */
export const genicamCamera = (parts: GenicamStreamParts): Camera & { start(openTimeoutMs: number): Promise<void> } =>
  new GenicamStream(parts).camera;
