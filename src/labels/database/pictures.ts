import type { Connection } from "../../store/index.js";
import { comparerOf, LookAlikeIndex, looksOf } from "../lookAlikes.js";
import { normaliseThumbnail } from "../thumbnail.js";
import { addToCounter } from "./counters.js";
import { recordBySeq } from "./queries.js";
import type { NewPicture, RecordRow } from "./rows.js";

/** Keeps a picture's facts; twice is once. */
export const addPicture = (connection: Connection, picture: NewPicture): void => {
  const { changes } = connection
    .sql(
      "INSERT OR IGNORE INTO pictures (sha256, mediaType, bytes, widthPx, heightPx, addedAtMs, thumbnail, signature, stain) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .run(
      ...[picture.sha256, picture.mediaType, picture.bytes, picture.widthPx, picture.heightPx, picture.addedAtMs],
      ...[Buffer.from(picture.thumbnail), Buffer.from(picture.signature), JSON.stringify(picture.stain)],
    );
  if (changes > 0) addToCounter(connection, "bytes", picture.bytes);
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
      .sql("SELECT id FROM pictures WHERE lookAlike IS NULL ORDER BY id LIMIT ?")
      .all<{ id: number }>(searchedAtOnce + 1);
    const found = waiting.slice(0, searchedAtOnce).map(({ id }) => ({ id, matches: this.#matches(id) }));
    return { found, more: waiting.length > searchedAtOnce };
  }

  #load(): boolean {
    const rows = this.#connection
      .sql("SELECT id, signature FROM pictures WHERE id > ? ORDER BY id LIMIT ?")
      .all<{ id: number; signature: Uint8Array }>(this.#last, readAtOnce);
    for (const { id, signature } of rows) {
      // Copied, so that it begins where numbers of four bytes may.
      this.#index.add(id, new Float32Array(Uint8Array.from(signature).buffer));
      this.#last = id;
    }
    return rows.length === readAtOnce;
  }

  #thumbnail(id: number): { readonly thumbnail: Int8Array; readonly lookAlike: string | null } {
    const row = this.#connection
      .sql("SELECT thumbnail, lookAlike FROM pictures WHERE id = ?")
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
