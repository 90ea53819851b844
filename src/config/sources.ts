import { parseDocument } from "yaml";
import { CytoError } from "../core/index.js";
import { configLeaves, environmentName, findLeaf, type SchemaNode } from "./schemaTree.js";
import { unknownKeyError } from "./validate.js";

/** Configuration as read, before it is checked: nested objects. */
export interface RawConfig {
  readonly [key: string]: unknown;
}

/** Environment variables of the prefix that are no keys: where data is, and how tests run. */
const reservedVariables = new Set(["CYTOSTREAM_CONFIG", "CYTOSTREAM_DATA", "CYTOSTREAM_CI"]);

const leafPaths = configLeaves.map((leaf) => leaf.path);

const isPlainObject = (value: unknown): value is RawConfig =>
  value !== null && typeof value === "object" && !Array.isArray(value);

/** `over` laid upon `under`: objects key by key, everything else whole. */
export const mergeConfig = (under: RawConfig, over: RawConfig): RawConfig => {
  const merged = new Map(Object.entries(under));
  for (const [key, value] of Object.entries(over)) {
    const before = merged.get(key);
    merged.set(key, isPlainObject(before) && isPlainObject(value) ? mergeConfig(before, value) : value);
  }
  return Object.fromEntries(merged);
};

const atPath = (path: string, value: unknown): RawConfig =>
  path.split(".").reduceRight<unknown>((inner, key) => Object.fromEntries([[key, inner]]), value) as RawConfig;

/** YAML's value; what the parser only warns of (unknown tags) is an error here. @throws YAMLError */
const parseYaml = (text: string): unknown => {
  const document = parseDocument(text, { logLevel: "silent" });
  const fault = document.errors[0] ?? document.warnings[0];
  if (fault !== undefined) throw fault;
  return document.toJS({ maxAliasCount: 16 });
};

const parseLoosely = (path: string, text: string): unknown => {
  try {
    return parseYaml(text);
  } catch (error) {
    throw new CytoError("CONFIG_INVALID", `${path}: ${JSON.stringify(text)} is not a YAML value`, {
      cause: error,
      context: { path },
    });
  }
};

/** A value given as text, read as the type that the schema has at its path; texts stay texts even where they look like numbers. */
const parseValue = (path: string, node: SchemaNode, text: string): unknown => {
  const invalid = (wanted: string): CytoError =>
    new CytoError("CONFIG_INVALID", `${path}: expected ${wanted}, received ${JSON.stringify(text)}`, {
      context: { path },
    });
  switch (node.type) {
    case "string":
      return text;
    case "integer":
    case "number": {
      const value = text.trim() === "" ? Number.NaN : Number(text);
      if (!Number.isFinite(value)) throw invalid("a number");
      return value;
    }
    case "boolean":
      if (text !== "true" && text !== "false") throw invalid("true or false");
      return text === "true";
    default:
      return parseLoosely(path, text);
  }
};

/**
 * One `--set KEY=VALUE`.
 * @throws CytoError USAGE without `=`; CONFIG_UNKNOWN_KEY; CONFIG_INVALID
 */
export const parseSetting = (setting: string): RawConfig => {
  const equals = setting.indexOf("=");
  if (equals < 1) throw new CytoError("USAGE", `--set wants KEY=VALUE, not ${JSON.stringify(setting)}`);
  const path = setting.slice(0, equals).trim();
  const leaf = findLeaf(path);
  if (leaf === undefined || path.split(".").some((key) => key === "" || key === "__proto__")) {
    throw unknownKeyError(path, leafPaths, " (--set)");
  }
  // Below an open key the schema of the driver decides; here the text is read as YAML reads it.
  const node: SchemaNode = leaf.path === path ? leaf.node : {};
  return atPath(path, parseValue(path, node, setting.slice(equals + 1)));
};

/**
 * Every CYTOSTREAM_* variable.
 * @throws CytoError CONFIG_UNKNOWN_KEY with the nearest variable; CONFIG_INVALID
 */
export const parseEnvironment = (environment: Readonly<Record<string, string | undefined>>): RawConfig => {
  const byName = new Map(configLeaves.map((leaf) => [environmentName(leaf.path), leaf] as const));
  let raw: RawConfig = {};
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith("CYTOSTREAM_") || reservedVariables.has(name) || text === undefined) continue;
    const leaf = byName.get(name);
    if (leaf === undefined) throw unknownKeyError(name, [...byName.keys()], " (environment)");
    raw = mergeConfig(raw, atPath(leaf.path, parseValue(leaf.path, leaf.node, text)));
  }
  return raw;
};

/**
 * A configuration file's text.
 * @param name the file's, for messages
 * @throws CytoError CONFIG_UNREADABLE
 */
export const parseConfigText = (text: string, name: string): RawConfig => {
  let value: unknown;
  try {
    value = parseYaml(text);
  } catch (error) {
    const message = error instanceof Error ? error.message.split("\n")[0] : String(error);
    throw new CytoError("CONFIG_UNREADABLE", `${name}: ${message}`, { cause: error });
  }
  if (value === null || value === undefined) return {};
  if (!isPlainObject(value)) throw new CytoError("CONFIG_UNREADABLE", `${name} does not hold keys and values`);
  return value;
};
