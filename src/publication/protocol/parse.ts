import type { z } from "zod";
import { type ClientMessage, clientMessageSchema, clientMessageTypes } from "./clientMessages.js";
import { labelFault, messageIdSchema } from "./labels.js";
import type { StreamErrorCode } from "./serverMessages.js";

/** A parsed message of a client, or why it is refused: a value, since refusing is expected. */
export type ParsedClientMessage = { readonly ok: true; readonly message: ClientMessage } | RefusedMessage;

export interface RefusedMessage {
  readonly ok: false;
  /** A label that does not fit is the label's fault, not a breach of the protocol: LABEL_INVALID. */
  readonly code: StreamErrorCode | "LABEL_INVALID";
  readonly reason: string;
  /** Of the message, where it has one. */
  readonly id: string | undefined;
}

const refuse = (code: RefusedMessage["code"], reason: string, id?: string): RefusedMessage => ({
  ok: false,
  code,
  reason,
  id,
});

const isSafeKey = (key: PropertyKey): boolean => typeof key === "number" || /^[A-Za-z]{1,20}$/.test(String(key));

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** What does not fit, in words that repeat nothing of what was sent. */
export const reasonOf = (error: z.ZodError, whole: string): string => {
  const issue = error.issues[0];
  const path = issue?.path.filter(isSafeKey).join(".") ?? "";
  const where = path === "" ? whole : `"${path}"`;
  return issue?.code === "unrecognized_keys" ? `There are unknown keys in ${where}.` : `Wrong value at ${where}.`;
};

/**
 * Parses one text message of a client. Never throws. The reason names keys of the schema and repeats nothing that the client
 * sent, so that it is safe to log and to send back; only of a label, which is not logged, it may quote an unknown class.
 */
export const parseClientMessage = (text: string): ParsedClientMessage => {
  const value = parseJson(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return refuse("MESSAGE_NOT_JSON", "A message is one JSON object.");
  }
  const type = (value as { type?: unknown }).type;
  if (!clientMessageTypes.some((known) => known === type)) {
    return refuse("MESSAGE_TYPE_UNKNOWN", `The type is one of ${clientMessageTypes.join(", ")}.`);
  }
  const parsed = clientMessageSchema.safeParse(value);
  if (parsed.success) return { ok: true, message: parsed.data };
  const id = messageIdSchema.safeParse((value as { id?: unknown }).id).data;
  const reason = reasonOf(parsed.error, "the message");
  if (type !== "label" || id === undefined) return refuse("MESSAGE_INVALID", reason, id);
  return refuse("LABEL_INVALID", labelFault(value) ?? reason, id);
};
