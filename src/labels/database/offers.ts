import { type CellClass, cellClasses } from "../../core/index.js";
import type { StainMeasure } from "../../pictures/index.js";
import type { Connection } from "../../store/index.js";
import type { ReviewOffer } from "../fieldRecord.js";
import { countsDiffer, type Doubt, type FieldEvidence, scoreField } from "../learning.js";
import { confirmedCells, readCounters } from "./counters.js";
import { recordBySeq } from "./queries.js";
import type { RecordRow } from "./rows.js";
import type { ConfirmedStains } from "./stains.js";

export interface OfferRow {
  readonly row: RecordRow;
  readonly gain: number;
  readonly reasons: ReviewOffer["reasons"];
}

interface CandidateRow {
  readonly seq: number;
  readonly slide: string | null;
  readonly lookAlike: string | null;
  readonly counts: string;
  readonly doubt: string;
  readonly changed: number;
  readonly stain: string;
}

type Counts = Partial<Record<CellClass, number>>;

/** Fields looked at closely: the most interesting by what is known of each alone, the newest, and those with rare classes. */
const mostInteresting = 300;
const newest = 100;
const ofRareClass = 60;
const rareClasses = 4;

type SeqRow = { readonly seq: number };

const open = "state IN ('proposed', 'corrected')";

const candidates = (connection: Connection, confirmed: Counts): ReadonlySet<number> => {
  const rarest = [...cellClasses].sort((a, b) => (confirmed[a] ?? 0) - (confirmed[b] ?? 0));
  const withClass = rarest
    .map((cellClass) =>
      ["proposed", "corrected"].flatMap((state) =>
        connection
          .sql("SELECT seq FROM fieldClasses WHERE cellClass = ? AND state = ? ORDER BY seq DESC LIMIT ?")
          .all<SeqRow>(cellClass, state, ofRareClass),
      ),
    )
    .filter((rows) => rows.length > 0)
    .slice(0, rareClasses)
    .flat();
  const rows = [
    ...connection
      .sql(`SELECT seq FROM fields WHERE ${open} ORDER BY interest DESC LIMIT ?`)
      .all<SeqRow>(mostInteresting),
    ...["proposed", "corrected"].flatMap((state) =>
      connection.sql("SELECT seq FROM fields WHERE state = ? ORDER BY seq DESC LIMIT ?").all<SeqRow>(state, newest),
    ),
    ...withClass,
  ];
  return new Set(rows.map(({ seq }) => seq));
};

const againstLookAlike = (connection: Connection, { lookAlike, counts }: CandidateRow): number | null => {
  if (lookAlike === null) return null;
  const confirmed = connection
    .sql("SELECT counts FROM fields WHERE lookAlike = ? AND state = 'confirmed' ORDER BY seq DESC LIMIT 1")
    .get<{ counts: string }>(lookAlike);
  return confirmed === undefined
    ? null
    : countsDiffer(JSON.parse(counts) as Counts, JSON.parse(confirmed.counts) as Counts);
};

const slideFigures = (connection: Connection, slide: string | null): FieldEvidence["slide"] => {
  const none = { cells: 0, changed: 0 };
  if (slide === null) return none;
  const row = connection.sql("SELECT cells, changed FROM slides WHERE slide = ?").get<FieldEvidence["slide"]>(slide);
  return row === undefined ? none : { cells: row.cells, changed: row.changed };
};

const evidenceOf = (connection: Connection, stains: ConfirmedStains, row: CandidateRow): FieldEvidence => ({
  counts: JSON.parse(row.counts) as Counts,
  doubt: JSON.parse(row.doubt) as Doubt,
  changed: row.changed,
  lookAlike: againstLookAlike(connection, row),
  slide: slideFigures(connection, row.slide),
  stainDistance: stains.distance(JSON.parse(row.stain) as StainMeasure),
});

/** The fields whose review brings most, greatest gain first; of look-alikes one alone. */
export const offerFields = (connection: Connection, stains: ConfirmedStains, limit: number): OfferRow[] => {
  const confirmed = confirmedCells(readCounters(connection));
  const scored = [...candidates(connection, confirmed)].map((seq) => {
    const row = connection
      .sql(
        "SELECT f.seq, f.slide, f.lookAlike, f.counts, f.doubt, f.changed, p.stain FROM fields f JOIN pictures p ON p.id = f.picture WHERE f.seq = ?",
      )
      .get<CandidateRow>(seq)!;
    return { seq, lookAlike: row.lookAlike, ...scoreField(evidenceOf(connection, stains, row), confirmed) };
  });
  scored.sort((a, b) => b.gain - a.gain || b.seq - a.seq);
  const groups = new Set<string>();
  const offers: OfferRow[] = [];
  for (const { seq, lookAlike, gain, reasons } of scored) {
    if (offers.length === limit) break;
    if (lookAlike !== null && groups.has(lookAlike)) continue;
    if (lookAlike !== null) groups.add(lookAlike);
    offers.push({ row: recordBySeq(connection, seq)!, gain, reasons });
  }
  return offers;
};
