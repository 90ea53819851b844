import { machineName } from "./machine.js";

/** What a card tells of a model: who reads it decides whether the model fits their laboratory. */
export interface ModelCard {
  readonly title: string;
  readonly purpose: string;
  /** What its results must not be taken for; default for networks that count. */
  readonly caution?: string;
  readonly command: string;
  /** The command that trained the weights it started from, where it did not start from nothing. */
  readonly commandBefore?: string | undefined;
  readonly seed: number;
  readonly steps: number;
  readonly seconds: number;
  readonly machine: string;
  /** Data set, split, number of fields and of cells per class. */
  readonly data: readonly DataSummary[];
  readonly settings: Readonly<Record<string, unknown>>;
  /** Figures by data set and protocol, ready for a table: rows of equal length, the first one the heading. */
  readonly figures: readonly { readonly title: string; readonly rows: readonly (readonly string[])[] }[];
  readonly limits: readonly string[];
}

export interface DataSummary {
  readonly dataset: string;
  readonly split: string;
  readonly fields: number;
  readonly cells: Readonly<Record<string, number>>;
}

/** Where a model comes from, in its manifest and at the head of its card. */
export interface Provenance {
  readonly request: { readonly command: string; readonly seed: number };
  readonly fields: { readonly summaries: readonly DataSummary[] };
  readonly steps: number;
  readonly seconds: number;
}

/** The manifest's `training`. */
export const trainingOf = ({ request, fields, steps, seconds }: Provenance) => ({
  command: request.command,
  seed: request.seed,
  data: fields.summaries.map(({ dataset, split }) => `${dataset}/${split}`),
  steps,
  seconds,
});

/** A card's lines on the training. */
export const cardOf = ({ request, fields, steps, seconds }: Provenance) => ({
  command: request.command,
  seed: request.seed,
  steps,
  seconds,
  machine: machineName(),
  data: fields.summaries,
});

const table = (rows: readonly (readonly string[])[]): string => {
  const [heading = [], ...rest] = rows;
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(heading), line(heading.map(() => "---")), ...rest.map(line)].join("\n");
};

/** A card in Markdown (after Mitchell et al. 2019, "Model Cards for Model Reporting"). */
export const renderCard = (card: ModelCard): string => {
  const cells = (summary: DataSummary) =>
    Object.entries(summary.cells)
      .map(([name, count]) => `${count} ${name}`)
      .join(", ");
  const data = [
    ["data set", "split", "fields", "labelled cells"],
    ...card.data.map((summary) => [summary.dataset, summary.split, String(summary.fields), cells(summary)]),
  ];
  const settings = Object.entries(card.settings).map(([name, value]) => `- ${name}: ${JSON.stringify(value)}`);
  return [
    `# ${card.title}`,
    card.purpose,
    card.caution ??
      "Results are counts of what the network sees, for research and for review by a person. They are no diagnosis.",
    "## Training",
    table(data),
    ...(card.commandBefore === undefined ? [] : [`First: \`${card.commandBefore}\``]),
    `Command: \`${card.command}\``,
    `Seed ${card.seed}, ${card.steps} steps in ${Math.round(card.seconds)} s on ${card.machine}.`,
    settings.join("\n"),
    "## Figures",
    ...card.figures.flatMap(({ title, rows }) => [`### ${title}`, table(rows)]),
    "## Limits",
    card.limits.map((limit) => `- ${limit}`).join("\n"),
    "",
  ].join("\n\n");
};
