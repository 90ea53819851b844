/** What a controller said: a value, or no, in its own words. */
export type Reading<T> = { readonly value: T } | { readonly refused: string; readonly alarm?: boolean };

/** A request to a controller and how its reply is known. Pure: no port, no clock. */
export interface Exchange<T> {
  /** With its terminator. */
  readonly text: string;
  /**
   * Reads the lines that came since the request, oldest first. Undefined while the reply is not there: what does not look like it (an
   * echo, a banner, noise, news that nobody asked for) is passed over.
   */
  read(lines: readonly string[]): Reading<T> | undefined;
}
