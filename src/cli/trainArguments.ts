import { readFile } from "node:fs/promises";
import { CytoError } from "../core/index.js";
import { fieldMultiple } from "../networks/index.js";

/** @throws CytoError USAGE, as all parsers here */
export const positive = (text: string): number => {
  const value = Number(text);
  if (!(value > 0)) throw new CytoError("USAGE", `${text} is not a positive number`);
  return value;
};

export const wholeNumber = (text: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new CytoError("USAGE", `${text} is not a whole number`);
  return value;
};

export const canvasSide = (text: string): number => {
  const value = wholeNumber(text);
  if (value < 64 || value % fieldMultiple !== 0) {
    throw new CytoError("USAGE", `${text} is not a multiple of ${fieldMultiple} from 64 on`);
  }
  return value;
};

/** DATASET=NUMBER, one after another. */
export const collectByDataset = (text: string, known: Record<string, number>): Record<string, number> => {
  const [name, value] = [text.slice(0, text.lastIndexOf("=")), Number(text.slice(text.lastIndexOf("=") + 1))];
  if (name === "" || !(value > 0)) throw new CytoError("USAGE", `${text} is not of the form DATASET=NUMBER`);
  return { ...known, [name]: value };
};

/** The names in a file, one a line. @throws CytoError USAGE */
export const readNames = async (path: string): Promise<readonly string[]> => {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw new CytoError("USAGE", `${path} cannot be read`, { cause: error });
  });
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
};
