import { z } from "zod";
import { CytoError } from "../../core/index.js";
import { reasonOf } from "../protocol/parse.js";

/** @throws CytoError REQUEST_INVALID, in words that repeat nothing of what was sent */
export const parseRequest = <T>(schema: z.ZodType<T>, value: unknown): T => {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new CytoError("REQUEST_INVALID", reasonOf(parsed.error, "the request"));
};

export const limitQuery = (standard: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,6}$/)
    .transform(Number)
    .pipe(z.int().min(1).max(most))
    .default(standard);

/** Lets so many requests of a kind through at the same time. */
export class Turnstile {
  readonly #most: number;
  #inside = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** @throws CytoError REQUESTS_EXCEEDED */
  enter(): () => void {
    if (this.#inside >= this.#most) throw new CytoError("REQUESTS_EXCEEDED", "Too many requests of this kind at once.");
    this.#inside++;
    let left = false;
    return () => {
      if (!left) this.#inside--;
      left = true;
    };
  }
}
