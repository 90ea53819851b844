import { configurationPage, defaultYaml, jsonSchemaText } from "../config/index.js";
import { type ErrorEntry, errorTable } from "../core/index.js";
import { logEvents, metricsTable } from "../observability/index.js";
import { asyncApiText } from "../publication/index.js";

const cell = (text: string): string => text.replaceAll("|", "\\|");

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows.map((row) => row.map(cell))].map((row) => `| ${row.join(" | ")} |`).join("\n");

const errorRow = ([code, entry]: [string, ErrorEntry]): string[] => [
  `\`${code}\``,
  entry.title,
  entry.remedy,
  entry.retryable ? "yes" : "no",
  String(entry.exitCode),
  entry.httpStatus === undefined ? "" : String(entry.httpStatus),
];

const errorsPage = (): string => `# Errors

Written by \`npm run docs\` from the table in src/core/errorTable.ts.

Every error has a code of this table. Programs branch on the code, never on the message. A command that fails prints
\`CODE: message\` and a remedy on standard error and ends with the exit code (as in sysexits.h); stacks are shown with \`--debug\`
only. *Retry* says whether the same thing, tried again unchanged, can succeed. Clients of the daemon get the code, a safe message
and a correlation id.

${table(["code", "meaning", "what to do", "retry", "exit code", "HTTP"], Object.entries<ErrorEntry>(errorTable).map(errorRow))}
`;

const observabilityPage = (): string => `# Log, metrics, health

Written by \`npm run docs\` from the tables in src/observability.

## Log

One JSON object a line on standard error (lines for people on a terminal; see \`log.format\`): \`time\`, \`level\`, \`event\`, and the
event's fields. Secrets, patient identifiers and credentials in addresses are replaced by \`[redacted]\`. On hot paths at most one
line per event and \`log.limitIntervalMs\` is written; \`heldBack\` says how many more there were.

${table(
  ["event", "level", "meaning"],
  Object.entries(logEvents).map(([event, [level, meaning]]) => [`\`${event}\``, level, meaning]),
)}

## Metrics

At \`/metrics\` in Prometheus' text format, beside those of the process itself (\`cytostream_process_*\`, \`cytostream_nodejs_*\`).
Frames produced = processed + dropped + those that wait or are being worked on.

${table(
  ["metric", "meaning"],
  Object.values(metricsTable).map(([name, help]) => [`\`${name}\``, help]),
)}

## Health

\`/healthz\` answers 200 while the daemon can go on, else 503: a supervisor should start it anew. \`/readyz\` answers 200 while every
station serves, else 503; the body gives the reasons, station by station. A station is \`starting\`, \`ready\`, \`degraded\`
(it serves, with a reason: a stale camera that is being reopened), \`failed\` or \`stopped\`. Ready is not alive: a daemon whose
camera is unplugged lives, keeps its counts, marks them stale, and says so.
`;

/** The generated files of the project: path from its root, and the text that belongs there. */
export const generatedDocuments = (): ReadonlyMap<string, string> =>
  new Map([
    ["docs/errors.md", errorsPage()],
    ["docs/configuration.md", configurationPage()],
    ["docs/observability.md", observabilityPage()],
    ["docs/asyncapi.yaml", asyncApiText()],
    ["config/default.yaml", defaultYaml()],
    ["config/schema.json", jsonSchemaText()],
  ]);
