import type { z } from "zod";
import { CytoError } from "../core/index.js";
import { nearestKey } from "./nearest.js";

export interface ValidateOptions {
  /** Where in the configuration the value stands; empty for the whole. */
  readonly path?: string;
  /** All dotted paths that exist, for the suggestion. */
  readonly knownKeys: readonly string[];
}

/** Messages in one error; more would hide the first. */
const maxIssues = 5;

const join = (...segments: readonly PropertyKey[]): string => segments.map(String).filter(Boolean).join(".");

/** @returns an error for a key that does not exist; `path` is dotted and whole */
export const unknownKeyError = (path: string, knownKeys: readonly string[], origin = ""): CytoError => {
  const suggestion = nearestKey(path, knownKeys);
  const hint = suggestion === undefined ? "there are none here" : `the nearest known key is ${suggestion}`;
  return new CytoError("CONFIG_UNKNOWN_KEY", `${path}${origin} is not a key of the configuration; ${hint}`, {
    context: { path, ...(suggestion === undefined ? {} : { suggestion }) },
  });
};

const describeIssue = (issue: z.core.$ZodIssue, prefix: string): string => {
  const path = join(prefix, ...issue.path);
  return `${path === "" ? "the configuration" : path}: ${issue.message.replace(/^Invalid input: /, "")}`;
};

/**
 * A value of the configuration, checked against its schema, with the defaults filled in. Also for what drivers declare.
 *
 * @throws CytoError CONFIG_UNKNOWN_KEY with the nearest known key; CONFIG_INVALID naming each key's path
 */
export const validate = <T>(schema: z.ZodType<T>, value: unknown, options: ValidateOptions): T => {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const prefix = options.path ?? "";
  for (const issue of result.error.issues) {
    const unknownKey = issue.code === "unrecognized_keys" ? issue.keys[0] : undefined;
    if (unknownKey !== undefined) throw unknownKeyError(join(prefix, ...issue.path, unknownKey), options.knownKeys);
  }
  const issues = result.error.issues.slice(0, maxIssues).map((issue) => describeIssue(issue, prefix));
  const first = result.error.issues[0];
  throw new CytoError("CONFIG_INVALID", issues.join("; "), {
    context: { path: first === undefined ? prefix : join(prefix, ...first.path) },
  });
};
