/** A camera that numbers its frames in 16 bits begins again at 1: GigE Vision 1.x keeps 0 for other things. */
const shortCycle = 65_535n;

/** So many numbers that are left out at once are no loss: the camera has begun to count anew. */
const greatestGap = 4096n;

/**
 * Keeps account of the frames that a camera has sent: each that aravis gave up, and each whose number never came. Pure.
 */
export class FrameLedger {
  #last: bigint | undefined;
  #lost = 0;
  #completed = 0;

  get lost(): number {
    return this.#lost;
  }

  get completed(): number {
    return this.#completed;
  }

  /** Whether the camera's frames are numbered: aravis tells so of GigE Vision. */
  get numbered(): boolean {
    return this.#last !== undefined;
  }

  /** A frame was completed. @returns how many before it were never seen */
  complete(frameId: bigint): number {
    this.#completed++;
    return this.#advance(frameId);
  }

  /** A frame was given up. @returns it, and how many before it were never seen */
  giveUp(frameId: bigint): number {
    this.#lost++;
    return 1 + this.#advance(frameId);
  }

  #advance(frameId: bigint): number {
    const last = this.#last;
    this.#last = frameId;
    if (last === undefined) return 0;
    let step = frameId - last;
    if (step <= 0n && last <= shortCycle) step += shortCycle;
    if (step <= 1n || step > greatestGap) return 0;
    const missing = Number(step - 1n);
    this.#lost += missing;
    return missing;
  }
}

/** Times that differ from the rate by less are the camera's own unsteadiness. */
const tolerance = 0.5;

/**
 * For cameras whose frames are not numbered: frames that are missing by the times of those that came. Tells only gaps of a whole frame, and
 * nothing without a steady rate. Pure.
 */
export class TimeLedger {
  #lastMs: number | undefined;

  constructor(readonly intervalMs: number | undefined) {}

  /** A frame of this time has come. @returns how many are missing before it */
  arrive(timestampMs: number | undefined): number {
    const lastMs = this.#lastMs;
    this.#lastMs = timestampMs;
    if (timestampMs === undefined || lastMs === undefined || this.intervalMs === undefined) return 0;
    const steps = (timestampMs - lastMs) / this.intervalMs;
    if (!(steps > 1 + tolerance) || steps > Number(greatestGap)) return 0;
    return Math.round(steps) - 1;
  }
}
