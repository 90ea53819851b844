import type { ModelChoice } from "../src/daemon/index.js";

/** One figure of a bench, with what it should reach. */
export interface Figure {
  readonly name: string;
  /** Undefined where it could not be had; `how` then says why. */
  readonly value: number | undefined;
  readonly unit?: string;
  readonly atLeast?: number;
  readonly atMost?: number;
  /** How it was measured, in a sentence. */
  readonly how: string;
}

/** What a bench found. */
export interface BenchResult {
  readonly figures: readonly Figure[];
  /** Tables and remarks for people. */
  readonly text?: readonly string[];
  /** What the figures were made from. */
  readonly raw?: unknown;
}

export interface BenchContext {
  /** Shorter phases and fewer rounds. */
  readonly quick: boolean;
  /** Model folders or names where not the newest shipped ones. */
  readonly models: ModelChoice;
}

export interface Bench {
  readonly name: string;
  readonly summary: string;
  /** Takes many minutes: runs only when it is named, or all are asked for. */
  readonly long?: boolean;
  run(context: BenchContext): Promise<BenchResult>;
}

/** A bench's outcome where something that it needs is not there. */
export class NotHere extends Error {}

export const verdictOf = ({ value, atLeast, atMost }: Figure): "reached" | "missed" | "measured" | "absent" => {
  if (value === undefined || Number.isNaN(value)) return "absent";
  if (atLeast === undefined && atMost === undefined) return "measured";
  return value >= (atLeast ?? Number.NEGATIVE_INFINITY) && value <= (atMost ?? Number.POSITIVE_INFINITY)
    ? "reached"
    : "missed";
};

const digits = (value: number): string =>
  Math.abs(value) >= 100 ? value.toFixed(1) : Math.abs(value) >= 10 ? value.toFixed(2) : value.toPrecision(3);

const goalOf = ({ atLeast, atMost }: Figure): string =>
  [atLeast === undefined ? "" : `>= ${atLeast}`, atMost === undefined ? "" : `<= ${atMost}`].filter(Boolean).join(", ");

/** Rows of text with their columns aligned, the first to the left and the others to the right. */
export const columns = (rows: readonly (readonly string[])[]): string[] => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows.map((row) =>
    row
      .map((text, column) => (column === 0 ? text.padEnd(widths[0] ?? 0) : text.padStart(widths[column] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
};

/** The figures as a table: name, value, goal, verdict; then how each was measured. */
export const figureTable = (figures: readonly Figure[]): string[] => {
  const rows = figures.map((figure) => [
    figure.name,
    figure.value === undefined ? "-" : `${digits(figure.value)}${figure.unit ? ` ${figure.unit}` : ""}`,
    goalOf(figure),
    verdictOf(figure),
  ]);
  return [...columns([["figure", "value", "goal", ""], ...rows]), "", ...howLines(figures)];
};

/** How the figures were measured, those that say the same together. */
const howLines = (figures: readonly Figure[]): string[] => {
  const byText = new Map<string, string[]>();
  for (const { name, how } of figures) byText.set(how, [...(byText.get(how) ?? []), name]);
  return [...byText].map(([how, names]) => `${names.join(", ")}: ${how}`);
};
