import { maxFieldsKept } from "./protocol/limits.js";
import type { FieldMessage } from "./protocol/results.js";

/** A field of the slide that has been looked at: its rectangle, um. */
export interface ScannedField {
  readonly x: number;
  readonly y: number;
  readonly widthUm: number;
  readonly heightUm: number;
}

/** The newest fields by place, at most `maxFieldsKept`; a place seen again is not listed twice. */
export class FieldMap {
  readonly #fields = new Map<string, ScannedField>();
  #forgotten = 0;

  add(field: FieldMessage): void {
    const { positionUm, umPerPixel } = field;
    if (positionUm === null || umPerPixel === null) return;
    const widthUm = field.width * umPerPixel;
    const heightUm = field.height * umPerPixel;
    const key = `${Math.round((positionUm.x / widthUm) * 8)} ${Math.round((positionUm.y / heightUm) * 8)}`;
    this.#fields.delete(key);
    this.#fields.set(key, { x: positionUm.x, y: positionUm.y, widthUm, heightUm });
    const oldest = this.#fields.keys().next();
    if (this.#fields.size > maxFieldsKept && !oldest.done) {
      this.#fields.delete(oldest.value);
      this.#forgotten++;
    }
  }

  clear(): void {
    this.#fields.clear();
    this.#forgotten = 0;
  }

  /** Oldest first. `forgotten` counts those that the bound has cost. */
  list(): { fields: ScannedField[]; forgotten: number } {
    return { fields: [...this.#fields.values()], forgotten: this.#forgotten };
  }
}
