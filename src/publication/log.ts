/** Events of src/observability that publication logs. */
type PublicationEvent =
  | "publication.listening"
  | "publication.clientOpened"
  | "publication.clientClosed"
  | "publication.clientRefused"
  | "publication.requestFailed"
  | "frame.rejected";

/** The part of the daemon's logger that publication uses. Nothing that a client sent is ever logged. */
export interface PublicationLog {
  event(event: PublicationEvent, fields?: Readonly<Record<string, unknown>>): void;
  /** For what a client can cause at will: few lines, and a count of those held back. */
  limited(event: PublicationEvent, fields?: Readonly<Record<string, unknown>>): void;
}

export const silentLog: PublicationLog = { event: () => {}, limited: () => {} };
