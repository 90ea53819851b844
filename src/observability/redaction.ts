const secretKeys = /^(?:.*(?:token|password|passphrase|secret|apikey|credential)s?|authorization|cookie|set-cookie)$/i;
const patientKeys = /^patient(?:id|name|identifier|birthdate)?$|^mrn$/i;
/** `scheme://user:password@host`: what stands between the slashes and the last `@` of the authority. */
const urlUserInfo = /\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#]*@/gi;
/** Values of query parameters that carry secrets. */
const urlSecretParameter = /([?&](?:[^=&#\s]*(?:token|password|secret|key))=)[^&#\s]*/gi;
const maxDepth = 6;

export const redacted = "[redacted]";

/** A text without the credentials that addresses in it carry. */
export const redactText = (text: string): string =>
  text.replace(urlUserInfo, `$1${redacted}@`).replace(urlSecretParameter, `$1${redacted}`);

const redactValue = (value: unknown, depth: number): unknown => {
  if (typeof value === "string") return redactText(value);
  if (value === null || typeof value !== "object") return value;
  if (depth >= maxDepth) return "[too deep]";
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) return value.map((item) => redactValue(item, depth + 1));
  if (value instanceof URL) return redactText(value.href);
  if (value instanceof Date) return value.toISOString();
  return redactEntries(value as Record<string, unknown>, depth + 1);
};

const redactEntries = (fields: Readonly<Record<string, unknown>>, depth: number): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(fields).map(([key, value]) =>
      secretKeys.test(key) || patientKeys.test(key) ? [key, redacted] : [key, redactValue(value, depth)],
    ),
  );

/** Fields for the log without secrets, patient identifiers, credentials in addresses, or raw bytes. */
export const redactFields = (fields: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  redactEntries(fields, 0);
