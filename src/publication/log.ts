/** The part of a pino logger that publication uses. */
export interface PublicationLog {
  debug(facts: object, event: string): void;
  info(facts: object, event: string): void;
  warn(facts: object, event: string): void;
}

export const silentLog: PublicationLog = { debug: () => {}, info: () => {}, warn: () => {} };
