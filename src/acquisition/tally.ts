import type { ErrorCode, DropCause as MailboxCause } from "../core/index.js";

/** Why a frame was not processed: it was lost or refused (an error code), or the mailbox let it go. */
export type FrameDropCause = MailboxCause | ErrorCode;

/**
 * What became of the frames of a run: produced = processed + all drops + in flight. Each is counted once, where it happens.
 */
export interface FrameCounts {
  /** Frames that the camera gave or lost. */
  readonly produced: number;
  readonly processed: number;
  readonly inFlight: number;
  readonly drops: Readonly<Partial<Record<FrameDropCause, number>>>;
}

export class FrameTally {
  #produced = 0;
  #processed = 0;
  #dropped = 0;
  readonly #drops: Partial<Record<FrameDropCause, number>> = {};

  constructor(readonly onDrop: (cause: FrameDropCause) => void = () => {}) {}

  produce(): void {
    this.#produced++;
  }

  process(): void {
    this.#processed++;
  }

  drop(cause: FrameDropCause): void {
    this.#dropped++;
    this.#drops[cause] = (this.#drops[cause] ?? 0) + 1;
    this.onDrop(cause);
  }

  get counts(): FrameCounts {
    return {
      produced: this.#produced,
      processed: this.#processed,
      inFlight: this.#produced - this.#processed - this.#dropped,
      drops: { ...this.#drops },
    };
  }
}
