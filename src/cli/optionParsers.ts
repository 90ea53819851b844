import { CytoError } from "../core/index.js";
import { fieldMultiple } from "../networks/index.js";

// Parsers of command-line options. All throw CytoError USAGE.

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

/** A part, over 0 and at most 1. */
export const part = (text: string): number => {
  const value = positive(text);
  if (value > 1) throw new CytoError("USAGE", `${text} is no part: over 0 and at most 1 is due`);
  return value;
};

export const canvasSide = (text: string): number => {
  const value = wholeNumber(text);
  if (value < 64 || value % fieldMultiple !== 0) {
    throw new CytoError("USAGE", `${text} is not a multiple of ${fieldMultiple} from 64 on`);
  }
  return value;
};

/** Collects DATASET=NUMBER. */
export const collectByDataset = (text: string, known: Record<string, number>): Record<string, number> => {
  const [name, value] = [text.slice(0, text.lastIndexOf("=")), Number(text.slice(text.lastIndexOf("=") + 1))];
  if (name === "" || !(value > 0)) throw new CytoError("USAGE", `${text} is not of the form DATASET=NUMBER`);
  return { ...known, [name]: value };
};
