/** How a controller's bytes become lines. */
export interface Framing {
  /** What ends a line. */
  readonly end: "\r" | "\n" | "\r\n";
  /** Characters that are a line by themselves where one begins: replies without an end. */
  readonly single?: string;
}

const longest = 4096;

/**
 * Splits bytes into lines, whatever their pieces. Nothing is cleaned: a byte that does not belong stays in its line, which is then not
 * understood. A line that does not end is dropped up to its end.
 */
export class LineSplitter {
  readonly #framing: Framing;
  #rest = "";
  #dropping = false;

  constructor(framing: Framing) {
    this.#framing = framing;
  }

  /**
   * Gives up the line that has begun: what still comes of it is dropped with it, up to its end. A reply that was cut off would run into
   * the next one, and be read as a place where the stage never was. Where replies are without an end, only what has come is dropped.
   */
  forsake(): void {
    if (this.#rest.trim() === "") return;
    this.#dropping = this.#framing.single === undefined;
    // Its last byte may be the first half of the line's end.
    this.#rest = this.#dropping ? this.#rest.slice(-1) : "";
  }

  /** The lines that these bytes complete. */
  take(bytes: Uint8Array): string[] {
    const { end, single } = this.#framing;
    const lines: string[] = [];
    for (const byte of bytes) {
      const character = String.fromCharCode(byte);
      if (this.#rest === "" && !this.#dropping && single?.includes(character)) {
        lines.push(character);
        continue;
      }
      this.#rest += character;
      if (this.#rest.endsWith(end)) {
        if (!this.#dropping) lines.push(this.#rest.slice(0, -end.length));
        this.#rest = "";
        this.#dropping = false;
      } else if (this.#rest.length > longest) {
        this.#dropping = true;
        this.#rest = this.#rest.slice(-1);
      }
    }
    return lines;
  }
}
