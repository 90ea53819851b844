import type { Connection } from "../../store/index.js";
import type { ReviewState } from "../fieldRecord.js";
import type { Doubt } from "../learning.js";
import { comparerOf, LookAlikeIndex, looksOf } from "../lookAlikes.js";
import { normaliseThumbnail } from "../thumbnail.js";
import { addToCounter } from "./counters.js";
import { recordBySeq } from "./queries.js";
import { examination, type NewPicture, type PictureLooks, type RecordRow, type WaitingPicture } from "./rows.js";
import { type ConfirmedStains, interestOf } from "./stains.js";

/** Keeps a picture's facts; twice is once. */
export const addPicture = (connection: Connection, { looks, ...picture }: NewPicture): void => {
  const { changes, lastInsertRowid } = connection
    .sql(
      "INSERT OR IGNORE INTO pictures (sha256, mediaType, bytes, widthPx, heightPx, addedAtMs) VALUES (?, ?, ?, ?, ?, ?)",
    )
    .run(picture.sha256, picture.mediaType, picture.bytes, picture.widthPx, picture.heightPx, picture.addedAtMs);
  if (changes === 0) return;
  addToCounter(connection, "bytes", picture.bytes);
  if (looks !== undefined) keepLooks(connection, lastInsertRowid, looks);
};

const keepLooks = (connection: Connection, picture: number, { thumbnail, signature, stain }: PictureLooks): void => {
  connection
    .sql("INSERT INTO looks (picture, thumbnail, signature, stain) VALUES (?, ?, ?, ?)")
    .run(picture, Buffer.from(thumbnail), Buffer.from(signature), JSON.stringify(stain));
  setExamined(connection, picture, examination.done);
};

const setExamined = (connection: Connection, picture: number, outcome: number): void => {
  connection.sql("UPDATE pictures SET examined = ? WHERE id = ?").run(outcome, picture);
};

/** Pictures that nobody has looked at yet, in the order in which they came, after one of them. */
export const waitingPictures = (
  connection: Connection,
  { after, limit }: { readonly after: number; readonly limit: number },
): WaitingPicture[] =>
  connection
    .sql(
      "SELECT id, sha256, mediaType, bytes, widthPx, heightPx FROM pictures WHERE examined = 0 AND id > ? ORDER BY id LIMIT ?",
    )
    .all<WaitingPicture>(after, limit);

interface StainedField {
  readonly id: number;
  readonly state: ReviewState;
  readonly changed: number;
  readonly doubt: string;
}

/** Keeps what a picture looks like, and says it to the fields that were labelled in it meanwhile. */
export const addLooks = (
  connection: Connection,
  stains: ConfirmedStains,
  { id, looks }: { readonly id: number; readonly looks: PictureLooks },
): void => {
  keepLooks(connection, id, looks);
  const fields = connection.sql("SELECT id, state, changed, doubt FROM fields WHERE picture = ?").all<StainedField>(id);
  for (const field of fields) {
    const interest = interestOf(stains, {
      doubt: JSON.parse(field.doubt) as Doubt,
      changed: field.changed,
      stain: looks.stain,
    });
    connection.sql("UPDATE fields SET interest = ? WHERE id = ?").run(interest, field.id);
  }
  if (fields.some(({ state }) => state === "confirmed")) stains.add(looks.stain);
};

/**
 * Marks a picture that cannot be decoded, once every field that was labelled in it is rejected.
 * @returns the fields that are not yet
 */
export const refusePicture = (connection: Connection, id: number): RecordRow[] => {
  const seqs = connection.sql("SELECT seq FROM fields WHERE picture = ? AND state <> 'rejected'").all<SeqRow>(id);
  if (seqs.length === 0) setExamined(connection, id, examination.unreadable);
  return seqs.map(({ seq }) => recordBySeq(connection, seq)!);
};

/** A picture and others that show the same, one of each group. */
export interface Alike {
  readonly id: number;
  readonly matches: readonly number[];
}

/** What a look for look-alikes came to. */
export interface AlikeSearch {
  readonly found: readonly Alike[];
  /** The index is not read to its end yet, or pictures wait: look again. */
  readonly more: boolean;
}

/** Pictures read into the index at a time, so that no commit waits for long. */
const readAtOnce = 2000;
const searchedAtOnce = 8;

/** Finds look-alikes among all pictures. Its index holds what is committed, and is read from the database as pictures come. */
export class LookAlikeSearch {
  readonly #connection: Connection;
  readonly #index = new LookAlikeIndex();
  /** Groups of pictures, as far as they were looked up. */
  readonly #groups = new Map<number, string>();
  /** The looks read last. */
  #last = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Groups have become one, or what was written did not last. */
  forget(): void {
    this.#groups.clear();
  }

  next(): AlikeSearch {
    if (this.#load()) return { found: [], more: true };
    const waiting = this.#connection
      .sql("SELECT id FROM pictures WHERE lookAlike IS NULL AND examined = 1 ORDER BY id LIMIT ?")
      .all<{ id: number }>(searchedAtOnce + 1);
    const found = waiting.slice(0, searchedAtOnce).map(({ id }) => ({ id, matches: this.#matches(id) }));
    return { found, more: waiting.length > searchedAtOnce };
  }

  #load(): boolean {
    const rows = this.#connection
      .sql("SELECT id, picture, signature FROM looks WHERE id > ? ORDER BY id LIMIT ?")
      .all<{ id: number; picture: number; signature: Uint8Array }>(this.#last, readAtOnce);
    for (const { id, picture, signature } of rows) {
      // Copied, so that it begins where numbers of four bytes may.
      this.#index.add(picture, new Float32Array(Uint8Array.from(signature).buffer));
      this.#last = id;
    }
    return rows.length === readAtOnce;
  }

  #thumbnail(id: number): { readonly thumbnail: Int8Array; readonly lookAlike: string | null } {
    const row = this.#connection
      .sql("SELECT l.thumbnail, p.lookAlike FROM pictures p JOIN looks l ON l.picture = p.id WHERE p.id = ?")
      .get<{ thumbnail: Uint8Array; lookAlike: string | null }>(id)!;
    if (row.lookAlike !== null) this.#groups.set(id, row.lookAlike);
    const { buffer, byteOffset, length } = row.thumbnail;
    return { thumbnail: new Int8Array(buffer, byteOffset, length), lookAlike: row.lookAlike };
  }

  /** One of each group is enough, and those that have none yet: they get theirs in the same change. */
  #matches(id: number): number[] {
    const looks = looksOf(this.#thumbnail(id).thumbnail);
    const isAlike = comparerOf(looks);
    const groups = new Set<string>();
    return this.#index.candidates(looks.signature).filter((other) => {
      if (other === id || groups.has(this.#groups.get(other) ?? "")) return false;
      const { thumbnail, lookAlike } = this.#thumbnail(other);
      if (lookAlike !== null && groups.has(lookAlike)) return false;
      if (!isAlike(normaliseThumbnail(thumbnail))) return false;
      if (lookAlike !== null) groups.add(lookAlike);
      return true;
    });
  }
}

const groupOf = (connection: Connection, id: number): { lookAlike: string | null; sha256: string } =>
  connection
    .sql("SELECT lookAlike, sha256 FROM pictures WHERE id = ?")
    .get<{ lookAlike: string | null; sha256: string }>(id)!;

type SeqRow = { readonly seq: number };

const rename = (connection: Connection, from: string, to: string): number[] => {
  const seqs = connection.sql("SELECT seq FROM fields WHERE lookAlike = ?").all<SeqRow>(from);
  connection.sql("UPDATE fields SET lookAlike = ? WHERE lookAlike = ?").run(to, from);
  connection.sql("UPDATE pictures SET lookAlike = ? WHERE lookAlike = ?").run(to, from);
  return seqs.map(({ seq }) => seq);
};

const groupOne = (connection: Connection, { id, matches }: Alike): number[] => {
  const { lookAlike, sha256 } = groupOf(connection, id);
  if (lookAlike !== null) return [];
  const names = new Set(matches.flatMap((match) => groupOf(connection, match).lookAlike ?? []));
  const [name = `g-${sha256.slice(0, 16)}`, ...others] = [...names].sort();
  addToCounter(connection, "groups", names.size === 0 ? 1 : -others.length);
  connection.sql("UPDATE pictures SET lookAlike = ? WHERE id = ?").run(name, id);
  connection.sql("UPDATE fields SET lookAlike = ? WHERE picture = ?").run(name, id);
  const own = connection.sql("SELECT seq FROM fields WHERE picture = ?").all<SeqRow>(id);
  // It looks like pictures of several groups: they are one.
  return [...own.map(({ seq }) => seq), ...others.flatMap((other) => rename(connection, other, name))];
};

/** Records told of a change of groups at once; who wants to know of more asks for the list. */
const mostTold = 1000;

/** Gives pictures their groups. @returns the fields whose group changed */
export const groupPictures = (
  connection: Connection,
  search: LookAlikeSearch,
  found: readonly Alike[],
): RecordRow[] => {
  const seqs = new Set(found.flatMap((alike) => groupOne(connection, alike)));
  if (found.some(({ matches }) => matches.length > 1)) search.forget();
  return [...seqs].slice(0, mostTold).map((seq) => recordBySeq(connection, seq)!);
};
