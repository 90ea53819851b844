import { open } from "node:fs/promises";
import type { z } from "zod";
import { CytoError } from "../core/index.js";
import { type Config, configSchema } from "./schema.js";
import { configLeaves, keysOf } from "./schemaTree.js";
import { mergeConfig, parseConfigText, parseEnvironment, parseSetting, type RawConfig } from "./sources.js";
import { validate } from "./validate.js";

export interface ConfigSources {
  /** Path of a YAML file. */
  readonly file?: string;
  /** Usually process.env. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** `KEY=VALUE` texts; later ones win. */
  readonly settings?: readonly string[];
}

/** No sensible configuration is longer; what is longer is another file. */
const maxFileBytes = 1024 * 1024;

const readConfigFile = async (path: string): Promise<RawConfig> => {
  try {
    await using file = await open(path, "r");
    const buffer = Buffer.alloc(maxFileBytes + 1);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
    if (bytesRead > maxFileBytes) {
      throw new CytoError("CONFIG_UNREADABLE", `${path} is longer than ${maxFileBytes} bytes`);
    }
    return parseConfigText(buffer.toString("utf8", 0, bytesRead), path);
  } catch (error) {
    throw CytoError.from(error, "CONFIG_UNREADABLE");
  }
};

const deepFreeze = <T>(value: T): T => {
  if (value !== null && typeof value === "object" && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
};

/**
 * The configuration: embedded defaults, over them the file, the environment (CYTOSTREAM_*), and the settings.
 *
 * @throws CytoError CONFIG_UNREADABLE, CONFIG_UNKNOWN_KEY, CONFIG_INVALID, USAGE
 */
export const loadConfig = async (sources: ConfigSources = {}): Promise<Config> => {
  const layers: RawConfig[] = [];
  if (sources.file !== undefined) layers.push(await readConfigFile(sources.file));
  layers.push(parseEnvironment(sources.environment ?? {}));
  for (const setting of sources.settings ?? []) layers.push(parseSetting(setting));
  const raw = layers.reduce(mergeConfig, {});
  return deepFreeze(validate(configSchema, raw, { knownKeys: configLeaves.map((leaf) => leaf.path) }));
};

/**
 * The options of a driver, against the schema that the driver declares, with its defaults filled in.
 * @throws CytoError CONFIG_UNKNOWN_KEY, CONFIG_INVALID, with paths below `path`
 */
export const loadDriverOptions = <T>(schema: z.ZodType<T>, options: unknown, path = "camera.options"): T =>
  deepFreeze(validate(schema, options, { path, knownKeys: keysOf(schema, path) }));
