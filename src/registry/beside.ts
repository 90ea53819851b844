import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { CytoError } from "../core/index.js";

/**
 * A JSON file beside a model's manifest; undefined where there is none.
 * @param parse makes of it what it holds, or throws MODEL_INVALID naming the origin
 * @throws CytoError MODEL_INVALID
 */
export const readBeside = async <T>(
  directory: string,
  file: string,
  parse: (value: unknown, origin: string) => T,
): Promise<T | undefined> => {
  const path = join(directory, file);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new CytoError("MODEL_INVALID", `${path} cannot be read`, { cause: error });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new CytoError("MODEL_INVALID", `${path}: not JSON`, { cause: error });
  }
  return parse(value, path);
};
