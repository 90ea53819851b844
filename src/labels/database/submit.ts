import { type CellClass, CytoError } from "../../core/index.js";
import type { StainMeasure } from "../../pictures/index.js";
import type { Connection } from "../../store/index.js";
import type { FieldCell, ReviewState } from "../fieldRecord.js";
import { cellsChanged } from "../learning.js";
import { placeCells } from "../validation.js";
import { addToCounter } from "./counters.js";
import { recordBySeq } from "./queries.js";
import { examination, type NewLabel, type Submitted, unreadablePicture } from "./rows.js";
import { type ConfirmedStains, interestOf } from "./stains.js";

interface PictureFacts {
  readonly id: number;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly sha256: string;
  readonly examined: number;
  /** Null until the picture has been looked at. */
  readonly stain: string | null;
  readonly lookAlike: string | null;
}

interface FieldRow {
  readonly id: number;
  readonly field: string;
  readonly picture: number;
  readonly revision: number;
  readonly seq: number;
  readonly state: ReviewState;
  readonly slide: string | null;
  readonly counts: string;
  readonly changed: number;
  readonly compared: number;
}

/** The newest revision of a field, or what a new field has in place of one. */
interface Before {
  readonly field: FieldRow | undefined;
  readonly picture: PictureFacts;
  readonly origin: string;
  readonly umPerPixel: number | null;
}

const pictureText = `SELECT p.id, p.widthPx, p.heightPx, p.sha256, p.examined, l.stain, p.lookAlike
  FROM pictures p LEFT JOIN looks l ON l.picture = p.id`;

/** Of a picture that turned out to be no picture, there is nothing to say. */
const checkReadable = (picture: PictureFacts, state: ReviewState): void => {
  if (picture.examined === examination.unreadable && state !== "rejected") throw unreadablePicture(picture);
};

const before = (connection: Connection, { label }: NewLabel): Before => {
  if (label.field === undefined) {
    const picture = connection.sql(`${pictureText} WHERE p.sha256 = ?`).get<PictureFacts>(label.picture!);
    if (picture === undefined) throw new CytoError("LABEL_PICTURE_UNKNOWN", `there is no picture ${label.picture}`);
    checkReadable(picture, label.state);
    return { field: undefined, picture, origin: "{}", umPerPixel: null };
  }
  const field = connection.sql("SELECT * FROM fields WHERE field = ?").get<FieldRow>(label.field);
  if (field === undefined) throw new CytoError("LABEL_FIELD_UNKNOWN", `there is no field ${label.field}`);
  if (label.basedOn !== undefined && label.basedOn !== field.revision)
    throw new CytoError("LABEL_CONFLICT", `field ${field.field} has revision ${field.revision}, not ${label.basedOn}`, {
      context: { field: field.field, revision: field.revision },
    });
  const picture = connection.sql(`${pictureText} WHERE p.id = ?`).get<PictureFacts>(field.picture)!;
  checkReadable(picture, label.state);
  const newest = connection
    .sql("SELECT origin, umPerPixel FROM revisions WHERE seq = ?")
    .get<{ origin: string; umPerPixel: number | null }>(field.seq)!;
  return { field, picture, ...newest };
};

const sentBefore = (connection: Connection, { label, digest }: NewLabel): Submitted | undefined => {
  const known = connection
    .sql("SELECT r.digest, r.revision, f.field FROM revisions r JOIN fields f ON f.id = r.field WHERE r.label = ?")
    .get<{ digest: string; revision: number; field: string }>(label.id);
  if (known === undefined) return undefined;
  if (known.digest !== digest) throw new CytoError("LABEL_CONFLICT", `label ${label.id} was sent with other content`);
  return { receipt: { id: label.id, field: known.field, revision: known.revision, repeated: true } };
};

/** Against the detector's proposal, where the field began as one. */
const comparison = (connection: Connection, field: FieldRow | undefined, { label, cells }: NewLabel) => {
  if (field === undefined || label.state === "proposed") return { changed: 0, compared: 0 };
  const first = connection
    .sql("SELECT cells FROM revisions WHERE field = ? AND revision = 1 AND state = 'proposed'")
    .get<{ cells: string }>(field.id);
  if (first === undefined) return { changed: 0, compared: 0 };
  const [proposed, now] = [first.cells, cells].map((text) => JSON.parse(text) as FieldCell[]) as [
    FieldCell[],
    FieldCell[],
  ];
  const vouched = label.state === "corrected" || label.state === "confirmed";
  return { changed: cellsChanged(proposed, now), compared: vouched ? Math.max(proposed.length, now.length) : 0 };
};

type Counts = Partial<Record<CellClass, number>>;

const countCells = (connection: Connection, state: ReviewState, counts: Counts, sign: 1 | -1): void => {
  if (state !== "confirmed") return;
  for (const [name, count] of Object.entries(counts))
    addToCounter(connection, `cells:${name as CellClass}`, sign * count);
};

const noteSlide = (connection: Connection, slide: string | null, compared: number, changed: number): void => {
  if (slide === null || (compared === 0 && changed === 0)) return;
  connection
    .sql(
      "INSERT INTO slides (slide, cells, changed) VALUES (?, ?, ?) ON CONFLICT (slide) DO UPDATE SET cells = cells + excluded.cells, changed = changed + excluded.changed",
    )
    .run(slide, compared, changed);
};

/** Takes what the newest revision said out of all that says it again. */
const retire = (connection: Connection, field: FieldRow): void => {
  const counts = JSON.parse(field.counts) as Counts;
  for (const name of Object.keys(counts))
    connection
      .sql("DELETE FROM fieldClasses WHERE cellClass = ? AND state = ? AND seq = ?")
      .run(name, field.state, field.seq);
  addToCounter(connection, `fields:${field.state}`, -1);
  countCells(connection, field.state, counts, -1);
  if (field.compared > 0) noteSlide(connection, field.slide, -field.compared, -field.changed);
};

interface Change {
  readonly now: NewLabel;
  readonly before: Before;
  readonly slide: string | null;
  readonly changed: number;
  readonly compared: number;
  readonly interest: number;
}

/** The field's own row, which follows its newest revision. */
const writeField = (connection: Connection, change: Change): number => {
  const { now, before, slide, changed, compared, interest } = change;
  const revision = (before.field?.revision ?? 0) + 1;
  const seq =
    connection.sql("SELECT seq FROM sqlite_sequence WHERE name = 'revisions'").get<{ seq: number }>()?.seq ?? 0;
  const values = [
    revision,
    seq + 1,
    now.label.state,
    slide,
    now.counts,
    JSON.stringify(now.doubt),
    changed,
    compared,
    interest,
  ];
  if (before.field !== undefined) {
    connection
      .sql(
        "UPDATE fields SET revision = ?, seq = ?, state = ?, slide = ?, counts = ?, doubt = ?, changed = ?, compared = ?, interest = ? WHERE id = ?",
      )
      .run(...values, before.field.id);
    return before.field.id;
  }
  return connection
    .sql(
      "INSERT INTO fields (revision, seq, state, slide, counts, doubt, changed, compared, interest, field, picture, lookAlike) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .run(...values, now.newField, before.picture.id, before.picture.lookAlike).lastInsertRowid;
};

const appendRevision = (connection: Connection, id: number, { now, before }: Change): number => {
  const { label } = now;
  const origin = JSON.stringify({ ...JSON.parse(before.origin), ...label.origin });
  return connection
    .sql(
      "INSERT INTO revisions (field, revision, label, digest, state, author, atMs, umPerPixel, origin, cells) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .run(
      ...[id, (before.field?.revision ?? 0) + 1, label.id, now.digest, label.state, label.author, now.atMs],
      ...[label.umPerPixel ?? before.umPerPixel, origin, now.cells],
    ).lastInsertRowid;
};

/** Adds what the new revision says to all that says it again. */
const enrol = (connection: Connection, seq: number, { now, slide, changed, compared }: Change): void => {
  const { state, author } = now.label;
  const counts = JSON.parse(now.counts) as Counts;
  for (const name of Object.keys(counts))
    connection.sql("INSERT INTO fieldClasses (cellClass, state, seq) VALUES (?, ?, ?)").run(name, state, seq);
  addToCounter(connection, `fields:${state}`, 1);
  countCells(connection, state, counts, 1);
  if (compared > 0) noteSlide(connection, slide, compared, changed);
  const { changes } = connection.sql("INSERT OR IGNORE INTO authors (name) VALUES (?)").run(author);
  addToCounter(connection, "authors", changes);
};

const within = (label: NewLabel, picture: PictureFacts): NewLabel => {
  const { reach } = label;
  if (reach.right <= picture.widthPx && reach.bottom <= picture.heightPx) return label;
  return { ...label, cells: JSON.stringify(placeCells(JSON.parse(label.cells) as FieldCell[], picture)) };
};

/**
 * Appends a revision, of a new field or one that is there; the same label again changes nothing.
 * @throws CytoError LABEL_INVALID, LABEL_FIELD_UNKNOWN, LABEL_PICTURE_UNKNOWN, LABEL_CONFLICT, IMAGE_UNREADABLE
 */
export const submitLabel = (connection: Connection, stains: ConfirmedStains, label: NewLabel): Submitted => {
  const repeated = sentBefore(connection, label);
  if (repeated !== undefined) return repeated;
  const known = before(connection, label);
  const now = within(label, known.picture);
  const { changed, compared } = comparison(connection, known.field, now);
  const stain = known.picture.stain === null ? undefined : (JSON.parse(known.picture.stain) as StainMeasure);
  const slide = now.label.origin?.slide ?? known.field?.slide ?? null;
  const change = {
    now,
    before: known,
    slide,
    changed,
    compared,
    interest: interestOf(stains, { doubt: now.doubt, changed, stain }),
  };
  if (known.field !== undefined) retire(connection, known.field);
  const id = writeField(connection, change);
  const seq = appendRevision(connection, id, change);
  enrol(connection, seq, change);
  if (now.label.state === "confirmed" && stain !== undefined) stains.add(stain);
  const record = recordBySeq(connection, seq)!;
  return { receipt: { id: now.label.id, field: record.field, revision: record.revision, repeated: false }, record };
};
