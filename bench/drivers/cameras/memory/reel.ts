import { clockMs } from "../../../clock.js";

/** A picture that the camera shows, decoded. */
export interface ReelPicture {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array<ArrayBuffer>;
  readonly umPerPixel: number;
  readonly simulated: boolean;
}

/** What the memory camera shows and whether it may: a bench and the camera that its daemon opens share this one. */
class Reel {
  pictures: readonly ReelPicture[] = [];
  /** What is added to `clockMs` for milliseconds since the epoch. */
  readonly epochMs = Date.now() - clockMs();
  /** Time from frame to frame of a live camera. */
  intervalMs = 100;
  #running = false;
  #started: () => void = () => undefined;
  #untilStarted: Promise<void> = Promise.resolve();

  constructor() {
    this.stop();
  }

  start(): void {
    this.#running = true;
    this.#started();
  }

  stop(): void {
    this.#running = false;
    this.#untilStarted = new Promise((resolve) => {
      this.#started = resolve;
    });
  }

  get running(): boolean {
    return this.#running;
  }

  /** Resolves at once while the reel runs, else when it is started. */
  async started(): Promise<void> {
    if (!this.#running) await this.#untilStarted;
  }

  /** The frame at an index, its pixels in a buffer of their own as a camera's are. */
  frame(index: number) {
    const picture = this.pictures[index % this.pictures.length]!;
    const { name: source, width, height, umPerPixel, simulated } = picture;
    const pixels = picture.pixels.slice();
    return { width, height, pixels, source, umPerPixel, simulated, capturedAtMs: this.epochMs + clockMs() };
  }
}

export const reel = new Reel();
