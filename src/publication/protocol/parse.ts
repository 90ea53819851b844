import { type ClientMessage, clientMessageSchema, clientMessageTypes } from "./clientMessages.js";
import type { StreamErrorCode } from "./serverMessages.js";

/** A parsed message of a client, or why it is refused: a value, since refusing is expected. */
export type ParsedClientMessage =
  | { readonly ok: true; readonly message: ClientMessage }
  | { readonly ok: false; readonly code: StreamErrorCode; readonly reason: string };

const refuse = (code: StreamErrorCode, reason: string): ParsedClientMessage => ({ ok: false, code, reason });

const isSafeKey = (key: PropertyKey): boolean => typeof key === "number" || /^[A-Za-z]{1,20}$/.test(String(key));

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/**
 * Parses one text message of a client. Never throws. The reason names keys of the schema and never repeats what the client
 * sent, so that it is safe to log and to send back.
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
  const issue = parsed.error.issues[0];
  const path = issue?.path.filter(isSafeKey).join(".") ?? "";
  const unknownKeys = issue?.code === "unrecognized_keys";
  const where = path === "" ? "the message" : `"${path}"`;
  return refuse("MESSAGE_INVALID", unknownKeys ? `There are unknown keys in ${where}.` : `Wrong value at ${where}.`);
};
