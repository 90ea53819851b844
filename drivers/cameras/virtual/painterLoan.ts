import { CytoError } from "../../../src/core/index.js";
import type { Painter } from "../../../src/training/painter/index.js";

/** A painter that has had nothing to paint for so long is closed, ms. */
const restAfterMs = 5000;

/** A painter while there is something to paint: its network's memory is given back when there is not, and it is opened again. */
export class PainterLoan implements AsyncDisposable {
  #painter: Promise<Painter> | undefined;
  #sha256: string | undefined;
  #rest: NodeJS.Timeout | undefined;
  #users = 0;

  constructor(
    private readonly open: () => Promise<Painter>,
    private readonly idleMs = restAfterMs,
  ) {}

  /** Whether it holds the painter's memory. */
  get isOpen(): boolean {
    return this.#painter !== undefined;
  }

  /** @throws CytoError what keeps the painter from opening; MODEL_INVALID where it is no longer the one that it was */
  async use<T>(work: (painter: Painter) => Promise<T>): Promise<T> {
    clearTimeout(this.#rest);
    this.#users++;
    try {
      this.#painter ??= this.#openSame();
      return await work(await this.#painter);
    } finally {
      this.#users--;
      if (this.#users === 0) this.#rest = setTimeout(() => void this[Symbol.asyncDispose](), this.idleMs);
    }
  }

  /** Closes the painter; the next use opens it again. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#rest);
    const painter = this.#painter;
    this.#painter = undefined;
    const opened = await painter?.catch(() => undefined);
    await opened?.[Symbol.asyncDispose]();
  }

  async #openSame(): Promise<Painter> {
    const painter = await this.open();
    const { name, version, sha256 } = painter.ref;
    if (this.#sha256 !== undefined && this.#sha256 !== sha256) {
      await painter[Symbol.asyncDispose]();
      throw new CytoError("MODEL_INVALID", `The painter ${name} ${version} is another than the slide was begun with.`);
    }
    this.#sha256 = sha256;
    return painter;
  }
}
