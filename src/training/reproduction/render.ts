/** A table for people. */
export interface TextTable {
  readonly title: string;
  readonly heading: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly notes: readonly string[];
}

/** Columns aligned, the first to the left, the rest to the right. */
export const terminalText = ({ title, heading, rows, notes }: TextTable): string => {
  const all = [heading, ...rows];
  const widths = heading.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const lines = all.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join("  ")
      .trimEnd(),
  );
  return [title, "", ...lines, ...(notes.length > 0 ? ["", ...notes] : []), ""].join("\n");
};

export const markdownText = ({ title, heading, rows, notes }: TextTable): string => {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  const rule = heading.map((_, column) => (column === 0 ? "---" : "---:"));
  const listed = notes.map((note) => `- ${note}`);
  return [`## ${title}`, "", line(heading), line(rule), ...rows.map(line), "", ...listed, ""].join("\n");
};

const csvCell = (cell: string | number | null): string => {
  const text = cell === null ? "" : String(cell);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

/** RFC 4180, lines ended by a line feed. */
export const csvText = (heading: readonly string[], rows: readonly (readonly (string | number | null)[])[]): string =>
  `${[heading, ...rows].map((row) => row.map(csvCell).join(",")).join("\n")}\n`;
