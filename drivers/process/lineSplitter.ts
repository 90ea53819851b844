/** Puts lines together from pieces; `\r` ends a line too. A line without end is cut so that it cannot fill the memory. */
export class LineSplitter {
  #rest = "";

  constructor(readonly maxLength = 16_384) {}

  push(piece: string): readonly string[] {
    const parts = (this.#rest + piece).split(/[\r\n]+/);
    this.#rest = (parts.pop() ?? "").slice(0, this.maxLength);
    return parts.filter((part) => part !== "").map((part) => part.slice(0, this.maxLength));
  }

  /** What came after the last end of a line. */
  end(): readonly string[] {
    const rest = this.#rest;
    this.#rest = "";
    return rest === "" ? [] : [rest];
  }
}
