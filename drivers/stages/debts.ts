import type { Exchange } from "./exchange.js";

interface Debt {
  readonly lines: string[];
  readonly read: Exchange<unknown>["read"];
}

const most = 16;

/**
 * Replies that did not come in time, and still may: controllers answer in the order in which they are asked, so that the next reply to
 * the same question may be the late one to an earlier.
 */
export class Debts {
  readonly #debts: Debt[] = [];

  /** @param lines what has come of the reply */
  add(read: Exchange<unknown>["read"], lines: readonly string[]): void {
    this.#debts.push({ read, lines: [...lines] });
    if (this.#debts.length > most) this.#debts.shift();
  }

  /** @returns whether the line completes a reply that may be a late one; the oldest counts as paid then */
  pay(line: string): boolean {
    for (const [index, { lines, read }] of this.#debts.entries()) {
      if (lines.push(line) > 200) lines.shift();
      if (read(lines) === undefined) continue;
      this.#debts.splice(index, 1);
      return true;
    }
    return false;
  }
}
