import type {
  AlertsMessage,
  CountsMessage,
  JobsMessage,
  LabelsMessage,
  ModelsMessage,
  ScansMessage,
  ServerMessage,
  StatusMessage,
  TaxonomyMessage,
  Topic,
} from "../../publication/index.js";
import type { Connection } from "./stream.js";

/** A rectangle of the slide that has been looked at, um; `x`, `y` is its centre. */
export interface ScannedField {
  readonly x: number;
  readonly y: number;
  readonly widthUm: number;
  readonly heightUm: number;
}

export type Taxonomy = ReadonlyMap<string, TaxonomyMessage>;

/** Everything the page shows besides the picture. */
export interface View {
  readonly connection: Connection;
  readonly version: string | undefined;
  readonly run: string | undefined;
  readonly taxonomy: Taxonomy;
  readonly status: StatusMessage | undefined;
  readonly counts: CountsMessage | undefined;
  readonly alerts: AlertsMessage | undefined;
  readonly labels: LabelsMessage | undefined;
  readonly jobs: JobsMessage | undefined;
  readonly scans: ScansMessage | undefined;
  readonly models: ModelsMessage | undefined;
  readonly fields: readonly ScannedField[];
  /** What this daemon offers. */
  readonly topics: readonly Topic[];
  /** Whether live fields can be kept for review. */
  readonly keep: boolean;
}

export type ViewEvent =
  | { readonly type: "connection"; readonly connection: Connection }
  | { readonly type: "message"; readonly message: ServerMessage }
  | { readonly type: "fields"; readonly fields: readonly ScannedField[] }
  | { readonly type: "field"; readonly field: ScannedField };

export const initialView: View = {
  connection: { phase: "connecting", attempt: 1 },
  version: undefined,
  run: undefined,
  taxonomy: new Map(),
  status: undefined,
  counts: undefined,
  alerts: undefined,
  labels: undefined,
  jobs: undefined,
  scans: undefined,
  models: undefined,
  fields: [],
  topics: [],
  keep: false,
};

const maxFields = 4096;

const samePlace = (a: ScannedField, b: ScannedField): boolean =>
  Math.abs(a.x - b.x) < a.widthUm / 16 && Math.abs(a.y - b.y) < a.heightUm / 16;

const withField = (fields: readonly ScannedField[], field: ScannedField): readonly ScannedField[] => {
  const newest = fields.at(-1);
  if (newest !== undefined && samePlace(newest, field)) return fields;
  return [...fields.filter((known) => !samePlace(known, field)), field].slice(-maxFields);
};

const onHello = (view: View, message: Extract<ServerMessage, { type: "hello" }>): View => {
  const taxonomy = new Map(message.taxonomy.map((entry) => [entry.class, entry] as const));
  const { version, run, topics } = message;
  const known = { version, run, taxonomy, topics, keep: message.capabilities.keep };
  if (view.run === run) return { ...view, ...known };
  return { ...initialView, connection: view.connection, ...known };
};

const onMessage = (view: View, message: ServerMessage): View => {
  switch (message.type) {
    case "hello":
      return onHello(view, message);
    case "status":
    case "counts":
    case "alerts":
    case "labels":
    case "jobs":
    case "scans":
    case "models":
      return { ...view, [message.type]: message };
    default:
      return view;
  }
};

/** The view after an event. Results of an earlier run of the daemon do not outlive the hello of a new one. */
export const reduceView = (view: View, event: ViewEvent): View => {
  switch (event.type) {
    case "connection":
      return { ...view, connection: event.connection };
    case "message":
      return onMessage(view, event.message);
    case "fields":
      return { ...view, fields: event.fields };
    case "field":
      return { ...view, fields: withField(view.fields, event.field) };
  }
};

/** Why the figures are not those of now, or undefined where they are. */
export const staleReason = ({ connection, status, counts }: View): string | undefined => {
  if (counts === undefined) return undefined;
  if (connection.phase !== "live") return "No connection to the daemon. These are the last figures received.";
  if (counts.stale || status?.stale === true)
    return "The camera delivers no new fields. These are the last figures counted.";
  return undefined;
};
