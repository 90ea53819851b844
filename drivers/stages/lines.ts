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
  #tooLong = false;

  constructor(framing: Framing) {
    this.#framing = framing;
  }

  /** The lines that these bytes complete. */
  take(bytes: Uint8Array): string[] {
    const { end, single } = this.#framing;
    const lines: string[] = [];
    for (const byte of bytes) {
      const character = String.fromCharCode(byte);
      if (this.#rest === "" && !this.#tooLong && single?.includes(character)) {
        lines.push(character);
        continue;
      }
      this.#rest += character;
      if (this.#rest.endsWith(end)) {
        if (!this.#tooLong) lines.push(this.#rest.slice(0, -end.length));
        this.#rest = "";
        this.#tooLong = false;
      } else if (this.#rest.length > longest) {
        this.#tooLong = true;
        this.#rest = this.#rest.slice(-1);
      }
    }
    return lines;
  }
}
