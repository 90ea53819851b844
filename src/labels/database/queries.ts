import type { CellClass } from "../../core/index.js";
import type { Connection } from "../../store/index.js";
import type { FieldQuery } from "../desk.js";
import { type LabelStats, type ReviewState, reviewStates } from "../fieldRecord.js";
import { confirmedCells, readCounters } from "./counters.js";
import type { KeptPicture, RecordRow } from "./rows.js";

const recordColumns = `f.field, r.revision, r.seq, r.state, r.author, r.atMs, r.umPerPixel, r.origin, r.cells, f.lookAlike,
  p.sha256, p.mediaType, p.bytes, p.widthPx, p.heightPx`;
const recordTables = "revisions r JOIN fields f ON f.id = r.field JOIN pictures p ON p.id = f.picture";

export const recordBySeq = (connection: Connection, seq: number): RecordRow | undefined =>
  connection.sql(`SELECT ${recordColumns} FROM ${recordTables} WHERE r.seq = ?`).get<RecordRow>(seq);

/** The newest revision. */
export const readField = (connection: Connection, field: string): RecordRow | undefined =>
  connection
    .sql(
      `SELECT ${recordColumns} FROM fields f JOIN revisions r ON r.seq = f.seq JOIN pictures p ON p.id = f.picture WHERE f.field = ?`,
    )
    .get<RecordRow>(field);

export const readRevisions = (connection: Connection, field: string): RecordRow[] =>
  connection
    .sql(`SELECT ${recordColumns} FROM ${recordTables} WHERE f.field = ? ORDER BY r.revision`)
    .all<RecordRow>(field);

export const readPicture = (connection: Connection, sha256: string): KeptPicture | undefined =>
  connection
    .sql("SELECT sha256, mediaType, bytes, widthPx, heightPx, examined FROM pictures WHERE sha256 = ?")
    .get<KeptPicture>(sha256);

interface Page {
  readonly before: number;
  readonly limit: number;
}

type SeqRow = { readonly seq: number };

const marks = (values: readonly unknown[]): string => values.map(() => "?").join(", ");

const seqsOfGroup = (
  connection: Connection,
  { states, cellClass, group }: FieldQuery,
  { before, limit }: Page,
): number[] => {
  const conditions = [
    ...(states === undefined ? [] : [`state IN (${marks(states)})`]),
    ...(cellClass === undefined
      ? []
      : [
          "EXISTS (SELECT 1 FROM fieldClasses c WHERE c.cellClass = ? AND c.state = fields.state AND c.seq = fields.seq)",
        ]),
  ];
  const text = ["lookAlike = ? AND seq < ?", ...conditions].join(" AND ");
  return connection
    .sql(`SELECT seq FROM fields WHERE ${text} ORDER BY seq DESC LIMIT ?`)
    .all<SeqRow>(group!, before, ...(states ?? []), ...(cellClass === undefined ? [] : [cellClass]), limit)
    .map(({ seq }) => seq);
};

const seqsOfState = (
  connection: Connection,
  state: ReviewState,
  cellClass: CellClass | undefined,
  page: Page,
): number[] => {
  const { before, limit } = page;
  const rows =
    cellClass === undefined
      ? connection
          .sql("SELECT seq FROM fields WHERE state = ? AND seq < ? ORDER BY seq DESC LIMIT ?")
          .all<SeqRow>(state, before, limit)
      : connection
          .sql("SELECT seq FROM fieldClasses WHERE cellClass = ? AND state = ? AND seq < ? ORDER BY seq DESC LIMIT ?")
          .all<SeqRow>(cellClass, state, before, limit);
  return rows.map(({ seq }) => seq);
};

/** Newest change first. Each state has an order of its own: a few rows of each are merged, none is sorted or counted. */
export const listFields = (connection: Connection, query: FieldQuery): { rows: RecordRow[]; cursor?: string } => {
  const { limit, after, group, cellClass } = query;
  const page: Page = { before: after === undefined ? Number.MAX_SAFE_INTEGER : Number(after), limit: limit + 1 };
  const states = query.states ?? reviewStates;
  const seqs =
    group === undefined
      ? [...new Set(states)].flatMap((state) => seqsOfState(connection, state, cellClass, page)).sort((a, b) => b - a)
      : seqsOfGroup(connection, query, page);
  const shown = seqs.slice(0, limit);
  const rows = shown.map((seq) => recordBySeq(connection, seq)!);
  return seqs.length > limit ? { rows, cursor: String(shown.at(-1)) } : { rows };
};

/** Fields in the order in which they came, for reading through all of them. */
export const walkFields = (
  connection: Connection,
  { after, limit }: { readonly after: number; readonly limit: number },
): { rows: RecordRow[]; after: number } => {
  const ids = connection
    .sql("SELECT id, seq FROM fields WHERE id > ? ORDER BY id LIMIT ?")
    .all<{ id: number; seq: number }>(after, limit);
  return { rows: ids.map(({ seq }) => recordBySeq(connection, seq)!), after: ids.at(-1)?.id ?? after };
};

export const readStats = (connection: Connection): LabelStats => {
  const counters = readCounters(connection);
  const of = (name: string): number => counters.get(name) ?? 0;
  return {
    fields: Object.fromEntries(reviewStates.map((state) => [state, of(`fields:${state}`)])) as LabelStats["fields"],
    cells: confirmedCells(counters) as LabelStats["cells"],
    authors: of("authors"),
    groups: of("groups"),
    bytes: of("bytes"),
  };
};
