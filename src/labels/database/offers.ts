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
  readonly lookAlike: string | null;
  readonly counts: string;
  readonly doubt: string;
  readonly changed: number;
  /** Null until the picture has been looked at. */
  readonly stain: string | null;
  /** Counts of the newest confirmed look-alike. */
  readonly confirmedCounts: string | null;
  readonly slideCells: number | null;
  readonly slideChanged: number | null;
}

type Counts = Partial<Record<CellClass, number>>;

/** Fields looked at closely: the most interesting by what is known of each alone, the newest, and those with rare classes. */
const mostInteresting = 150;
const newest = 40;
const ofRareClass = 20;
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
    // Without the name of the index, SQLite sorts all that are open.
    ...connection
      .sql(`SELECT seq FROM fields INDEXED BY fieldsByInterest WHERE ${open} ORDER BY interest DESC LIMIT ?`)
      .all<SeqRow>(mostInteresting),
    ...["proposed", "corrected"].flatMap((state) =>
      connection.sql("SELECT seq FROM fields WHERE state = ? ORDER BY seq DESC LIMIT ?").all<SeqRow>(state, newest),
    ),
    ...withClass,
  ];
  return new Set(rows.map(({ seq }) => seq));
};

const againstLookAlike = ({ counts, confirmedCounts }: CandidateRow): number | null =>
  confirmedCounts === null ? null : countsDiffer(JSON.parse(counts) as Counts, JSON.parse(confirmedCounts) as Counts);

const evidenceOf = (stains: ConfirmedStains, row: CandidateRow): FieldEvidence => ({
  counts: JSON.parse(row.counts) as Counts,
  doubt: JSON.parse(row.doubt) as Doubt,
  changed: row.changed,
  lookAlike: againstLookAlike(row),
  slide: { cells: row.slideCells ?? 0, changed: row.slideChanged ?? 0 },
  stainDistance: row.stain === null ? null : stains.distance(JSON.parse(row.stain) as StainMeasure),
});

const candidateText = `SELECT f.seq, f.lookAlike, f.counts, f.doubt, f.changed, l.stain,
    s.cells AS slideCells, s.changed AS slideChanged,
    (SELECT c.counts FROM fields c WHERE c.lookAlike = f.lookAlike AND c.state = 'confirmed' ORDER BY c.seq DESC LIMIT 1)
      AS confirmedCounts
  FROM fields f LEFT JOIN looks l ON l.picture = f.picture LEFT JOIN slides s ON s.slide = f.slide
  WHERE f.seq IN (SELECT value FROM json_each(?))`;

/** The fields whose review brings most, greatest gain first; of look-alikes one alone. */
export const offerFields = (connection: Connection, stains: ConfirmedStains, limit: number): OfferRow[] => {
  const confirmed = confirmedCells(readCounters(connection));
  const rows = connection.sql(candidateText).all<CandidateRow>(JSON.stringify([...candidates(connection, confirmed)]));
  const scored = rows.map((row) => ({
    ...{ seq: row.seq, lookAlike: row.lookAlike },
    ...scoreField(evidenceOf(stains, row), confirmed),
  }));
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
