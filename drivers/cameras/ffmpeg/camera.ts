import { CytoError, errorTable } from "../../../src/core/index.js";
import type { Camera, CameraFrame, CameraOpenRequest, CameraPace } from "../../contract.js";
import { LineSplitter } from "../../process/lineSplitter.js";
import type { OwnedProcess, ProcessEnd } from "../../process/ownedProcess.js";
import { FrameAssembler, type RawFrame } from "./frameAssembler.js";
import type { FfmpegCameraOptions } from "./manifest.js";
import type { FfmpegSource } from "./source.js";
import {
  type FailureReason,
  type FfmpegLine,
  failureReason,
  frameIntervalOf,
  frameSizeOf,
  hasDuration,
  parseLine,
  tellsFault,
} from "./stderr.js";

/** Lines of ffmpeg that are kept for the reason of its end. */
const maxLinesKept = 40;
const linesInContext = 6;

export interface FfmpegCameraParts {
  readonly process: OwnedProcess;
  readonly source: FfmpegSource;
  readonly request: CameraOpenRequest<FfmpegCameraOptions>;
}

/** An ffmpeg at work: frames from its standard output, their sizes and all trouble from its standard error. */
export class FfmpegCamera implements Camera {
  readonly #process: OwnedProcess;
  readonly #source: FfmpegSource;
  readonly #request: CameraOpenRequest<FfmpegCameraOptions>;
  readonly #closing = new AbortController();
  readonly #signal: AbortSignal;
  readonly #assembler: FrameAssembler;
  readonly #lines: FfmpegLine[] = [];
  #wake: () => void = () => {};
  #ended: ProcessEnd | undefined;
  #stdoutOpen = true;
  #stderrOpen = true;
  #finite: boolean;
  #frameIntervalMs: number | undefined;
  #refusal: CytoError | undefined;
  #first: RawFrame | undefined;
  #delivered = 0;
  #lastCaptureMs = 0;
  #iterated = false;

  constructor({ process, source, request }: FfmpegCameraParts) {
    this.#process = process;
    this.#source = source;
    this.#request = request;
    this.#finite = source.extent === "finite";
    this.#assembler = new FrameAssembler(request.options.maxMegapixels * 1e6);
    this.#signal = AbortSignal.any([request.signal, this.#closing.signal]);
    this.#signal.addEventListener("abort", () => this.#wake(), { once: true });
    this.#listen();
  }

  get pace(): CameraPace {
    return this.#finite && !this.#request.options.realTime ? "onDemand" : "live";
  }

  get frameIntervalMs(): number | undefined {
    return this.#frameIntervalMs;
  }

  /**
   * Waits until the first frame is there.
   * @throws CytoError why there is none; the camera is to be disposed of then
   */
  async start(): Promise<void> {
    this.#first = await this.#nextFrame(this.#request.options.openTimeoutMs);
    if (this.#first !== undefined) return;
    this.#request.signal.throwIfAborted();
    throw this.#failure(failureReason(this.#lines, this.#sourceAsGiven) ?? this.#reasonOfSilence());
  }

  frames(): AsyncIterable<CameraFrame> {
    if (this.#iterated) throw new CytoError("INTERNAL", "The frames of a camera were asked for twice.");
    this.#iterated = true;
    return this.#deliver();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#process[Symbol.asyncDispose]();
  }

  async *#deliver(): AsyncGenerator<CameraFrame, void, undefined> {
    try {
      for (let frame = this.#takeFirst(); !this.#signal.aborted; frame = undefined) {
        frame ??= await this.#nextFrame(this.#request.options.stallTimeoutMs);
        if (frame === undefined) break;
        this.#delivered++;
        yield this.#describe(frame);
      }
      this.#checkEnd();
    } finally {
      await this[Symbol.asyncDispose]();
    }
  }

  #takeFirst(): RawFrame | undefined {
    const first = this.#first;
    this.#first = undefined;
    return first;
  }

  #describe({ width, height, pixels }: RawFrame): CameraFrame {
    // The system's clock may be set back; frames must not seem to.
    this.#lastCaptureMs = Math.max(this.#lastCaptureMs, Date.now());
    return { capturedAtMs: this.#lastCaptureMs, width, height, pixels, source: this.#source.shown, simulated: false };
  }

  /** The next frame; undefined when there is none, because ffmpeg has ended or the camera is being closed. */
  async #nextFrame(timeoutMs: number): Promise<RawFrame | undefined> {
    const deadlineMs = performance.now() + timeoutMs + (this.#frameIntervalMs ?? 0);
    while (!this.#signal.aborted) {
      const frame = this.#assembler.take();
      if (frame !== undefined) return frame;
      if (this.#refusal !== undefined) throw this.#refusal;
      const chunk = this.#assembler.hungry ? (this.#process.stdout.read() as Uint8Array | null) : null;
      if (chunk !== null) {
        this.#assembler.push(chunk);
        continue;
      }
      if (this.#exhausted) return undefined;
      const remainingMs = deadlineMs - performance.now();
      if (remainingMs <= 0) throw this.#stale(timeoutMs);
      await this.#change(remainingMs);
    }
    return undefined;
  }

  /** Nothing more will come: the process is gone, and its pipes are empty or hold bytes that belong to no frame. */
  get #exhausted(): boolean {
    return this.#ended !== undefined && !this.#stderrOpen && (!this.#stdoutOpen || !this.#assembler.hungry);
  }

  /** Resolves at the next event of the process, an abort, or after `timeoutMs`. */
  async #change(timeoutMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => {};
  }

  #listen(): void {
    const { stdout, stderr, exited } = this.#process;
    const splitter = new LineSplitter();
    stdout.on("readable", () => this.#wake());
    stdout.once("close", () => {
      this.#stdoutOpen = false;
      this.#wake();
    });
    stderr.setEncoding("utf8").on("data", (piece: string) => {
      for (const line of splitter.push(piece)) this.#hear(parseLine(line));
    });
    stderr.once("close", () => {
      for (const line of splitter.end()) this.#hear(parseLine(line));
      this.#stderrOpen = false;
      this.#wake();
    });
    void exited.then((end) => {
      this.#ended = end;
      this.#wake();
    });
  }

  #hear(line: FfmpegLine): void {
    const size = frameSizeOf(line);
    if (size !== undefined) {
      this.#expect(size);
      return;
    }
    this.#frameIntervalMs = frameIntervalOf(line) ?? this.#frameIntervalMs;
    if (this.#source.extent === "unknown") this.#finite = hasDuration(line) ?? this.#finite;
    if (line.component?.startsWith("Parsed_showinfo") === true) return;
    if (tellsFault(line)) this.#reportFault(`ffmpeg: ${this.#shown(line.text)}`);
    this.#lines.push(line);
    if (this.#lines.length > maxLinesKept) this.#lines.shift();
  }

  #expect(size: { readonly width: number; readonly height: number }): void {
    try {
      this.#assembler.expect(size);
    } catch (error) {
      this.#refusal = CytoError.from(error);
    }
    this.#wake();
  }

  #reportFault(message: string): void {
    const fault = new CytoError("FRAME_INVALID", message, { context: { source: this.#source.shown } });
    this.#request.onFault?.(fault);
  }

  /** @throws CytoError where the frames have ended and should not have */
  #checkEnd(): void {
    if (this.#signal.aborted) return;
    if (this.#assembler.partial) this.#reportFault("The last frame is cut off.");
    if (this.#finite && this.#ended?.exitCode === 0) return;
    const reason = failureReason(this.#lines, this.#sourceAsGiven);
    // What has delivered frames is there and readable: whatever ended it, trying again is right.
    if (reason !== undefined && errorTable[reason.code].retryable) throw this.#failure(reason);
    throw this.#failure({ code: "CAMERA_DISCONNECTED", text: reason?.text ?? "the stream has ended" });
  }

  #reasonOfSilence(): FailureReason {
    if (this.#ended?.exitCode === 0) return { code: "CAMERA_UNSUPPORTED", text: "there is no picture in it" };
    return { code: "CAMERA_OPEN_FAILED", text: this.#lines.at(-1)?.text ?? "ffmpeg ended without a word" };
  }

  #failure({ code, text }: FailureReason): CytoError {
    return new CytoError(code, `${this.#source.shown}: ${this.#shown(text)}`, { context: this.#facts() });
  }

  #stale(afterMs: number): CytoError {
    const message = `${this.#source.shown} has delivered no frame for ${afterMs} ms.`;
    return new CytoError("CAMERA_STALE", message, { context: { ...this.#facts(), afterMs } });
  }

  #facts(): Record<string, unknown> {
    return {
      source: this.#source.shown,
      framesDelivered: this.#delivered,
      exitCode: this.#ended?.exitCode ?? null,
      signal: this.#ended?.signal ?? null,
      lastLines: this.#lines.slice(-linesInContext).map(({ text }) => this.#shown(text)),
    };
  }

  get #sourceAsGiven(): string {
    return this.#request.source ?? "";
  }

  /** What ffmpeg says, without the secrets of the address that it repeats. */
  #shown(text: string): string {
    return this.#sourceAsGiven === "" ? text : text.replaceAll(this.#sourceAsGiven, this.#source.shown);
  }
}
