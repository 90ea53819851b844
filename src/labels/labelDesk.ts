import { randomUUID } from "node:crypto";
import { CytoError, cellClasses } from "../core/index.js";
import { type Database, type LaboratoryPaths, openDatabase } from "../store/index.js";
import type { LabelProgram } from "./database/program.js";
import { type NewLabel, type RecordRow, recordOf } from "./database/rows.js";
import type { FieldPage, FieldQuery, LabelDesk } from "./desk.js";
import {
  type FieldRecord,
  type LabelReceipt,
  type LabelStats,
  type LabelSubmission,
  type ReviewOffer,
  reviewStates,
  type StoredPicture,
} from "./fieldRecord.js";
import { measureDoubt } from "./learning.js";
import { PictureExaminer } from "./pictureExaminer.js";
import { PictureFiles } from "./pictureFiles.js";
import { PictureIntake } from "./pictureIntake.js";
import { PictureLooker } from "./pictureLooker.js";
import { classCounts, labelDigest, parseLabel, reachOf } from "./validation.js";

/** The database of the labels, opened for one process that writes, or for looking on. */
export type LabelDatabase = Database<LabelProgram>;

/** @throws CytoError STORE_NEWER, STORE_DAMAGED, STORE_FULL, STORE_FAILED */
export const openLabelDatabase = (
  paths: LaboratoryPaths,
  options: { readonly readOnly?: boolean; readonly capacity?: number } = {},
): Promise<LabelDatabase> =>
  openDatabase<LabelProgram>({
    path: paths.database,
    module: new URL("./database/program.js", import.meta.url),
    ...options,
  });

/** The desk, and what only the holder of the data directory does with it. */
export interface OpenLabelDesk extends LabelDesk, AsyncDisposable {
  /** Every field's newest revision, in the order in which the fields came. */
  walk(): AsyncIterable<FieldRecord>;
  /** Resolves when every picture has been looked at, and its look-alikes found. */
  grouped(): Promise<void>;
}

/** A checked label, worked out as far as it can be without the database. */
export const newLabel = (label: LabelSubmission, atMs: number): NewLabel => {
  const { cells, ...rest } = label;
  return {
    label: rest,
    digest: labelDigest(label),
    atMs,
    newField: randomUUID(),
    cells: JSON.stringify(cells),
    counts: JSON.stringify(classCounts(cells)),
    doubt: measureDoubt(cells),
    reach: reachOf(cells),
  };
};

const checkLimit = (limit: number): void => {
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000) throw new CytoError("LABEL_INVALID", "limit is 1 to 1000");
};

const checkQuery = ({ limit, after, states, cellClass }: FieldQuery): void => {
  checkLimit(limit);
  if (after !== undefined && !/^\d{1,15}$/.test(after)) throw new CytoError("LABEL_INVALID", "after is no cursor");
  if (states?.some((state) => !reviewStates.includes(state)))
    throw new CytoError("LABEL_INVALID", `states are among ${reviewStates.join(", ")}`);
  if (cellClass !== undefined && !cellClasses.includes(cellClass))
    throw new CytoError("LABEL_INVALID", `there is no class ${cellClass}`);
};

const walkedAtOnce = 200;
/** Author of what the desk itself says of a field. */
const examinerName = "cytostream";

type Listener = (changed: readonly FieldRecord[]) => void;

class StoredLabelDesk implements OpenLabelDesk {
  readonly #database: LabelDatabase;
  readonly #files: PictureFiles;
  readonly #intake: PictureIntake;
  readonly #examiner: PictureExaminer;
  readonly #readOnly: boolean;
  readonly #listeners = new Set<Listener>();
  #changed: RecordRow[] = [];
  #grouping: Promise<void> | undefined;
  #groupAgain = false;
  #closed = false;

  constructor(paths: LaboratoryPaths, database: LabelDatabase, readOnly: boolean) {
    this.#database = database;
    this.#readOnly = readOnly;
    this.#files = new PictureFiles(paths.pictures);
    const looker = new PictureLooker();
    this.#intake = new PictureIntake(this.#files, database, looker);
    this.#examiner = new PictureExaminer({
      ...{ files: this.#files, database, intake: this.#intake, looker },
      reject: (field) => this.#reject(field),
      closed: () => this.#closed,
    });
    // What a crash has left.
    this.#groupSoon();
  }

  async submit(submission: LabelSubmission): Promise<LabelReceipt> {
    const { receipt, record } = await this.#database.write("submit", newLabel(parseLabel(submission), Date.now()));
    if (record !== undefined) this.#tell([record]);
    return receipt;
  }

  async addPicture(bytes: Uint8Array): Promise<StoredPicture> {
    const picture = await this.#intake.add(bytes);
    this.#groupSoon();
    return picture;
  }

  async picture(sha256: string): Promise<{ bytes: Uint8Array; mediaType: string } | undefined> {
    const row = await this.#database.read("picture", sha256);
    const bytes = row && (await this.#files.read(row));
    return row && bytes && { bytes, mediaType: row.mediaType };
  }

  async field(id: string): Promise<FieldRecord | undefined> {
    const row = await this.#database.read("field", id);
    return row && recordOf(row);
  }

  async revisions(id: string): Promise<readonly FieldRecord[]> {
    return (await this.#database.read("revisions", id)).map(recordOf);
  }

  async list(query: FieldQuery): Promise<FieldPage> {
    checkQuery(query);
    const { rows, cursor } = await this.#database.read("list", query);
    return { fields: rows.map(recordOf), ...(cursor === undefined ? {} : { cursor }) };
  }

  async next(limit: number): Promise<readonly ReviewOffer[]> {
    checkLimit(limit);
    const offers = await this.#database.read("offers", limit);
    return offers.map(({ row, gain, reasons }) => ({ field: recordOf(row), gain, reasons }));
  }

  stats(): Promise<LabelStats> {
    return this.#database.read("stats", null);
  }

  onChange(listener: Listener): () => void {
    // One function may be given twice, and each ends its own.
    const own: Listener = (changed) => listener(changed);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  async *walk(): AsyncGenerator<FieldRecord> {
    for (let after = 0; ; ) {
      const page = await this.#database.read("walk", { after, limit: walkedAtOnce });
      if (page.rows.length === 0) return;
      yield* page.rows.map(recordOf);
      after = page.after;
    }
  }

  async grouped(): Promise<void> {
    while (this.#grouping !== undefined) await this.#grouping;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#grouping;
    this.#listeners.clear();
  }

  /** All of one commit in one call. */
  #tell(changed: readonly RecordRow[]): void {
    if (this.#listeners.size === 0 || changed.length === 0) return;
    if (this.#changed.length === 0) setImmediate(() => this.#tellAll());
    this.#changed.push(...changed);
  }

  #tellAll(): void {
    const records = this.#changed.map(recordOf);
    this.#changed = [];
    for (const listener of this.#listeners) listener(records);
  }

  /** Of a picture that could not be decoded. Whoever changes the field meanwhile is asked again by the caller. */
  async #reject({ field, revision, cells }: FieldRecord): Promise<void> {
    const id = `unreadable-${field}-${revision}`;
    try {
      await this.submit({ id, field, basedOn: revision, cells, state: "rejected", author: examinerName });
    } catch (error) {
      if (CytoError.from(error).code !== "LABEL_CONFLICT") throw error;
    }
  }

  #groupSoon(): void {
    this.#groupAgain = true;
    this.#examiner.restart();
    if (this.#readOnly || this.#closed) return;
    this.#grouping ??= this.#group().finally(() => {
      this.#grouping = undefined;
      if (this.#groupAgain) this.#groupSoon();
    });
  }

  /** In the background, a few pictures at a time. What fails here (a full disk) is tried again with the next picture. */
  async #group(): Promise<void> {
    try {
      while (this.#groupAgain && !this.#closed) {
        this.#groupAgain = false;
        const moreToExamine = await this.#examiner.next();
        const { found, more } = await this.#database.read("lookAlikes", null);
        if (found.length > 0) this.#tell(await this.#database.write("group", found));
        this.#groupAgain ||= moreToExamine || more;
      }
    } catch (error) {
      this.#groupAgain = false;
      if (CytoError.from(error).code === "INTERNAL") throw error;
    }
  }
}

/**
 * The desk over a laboratory's database and pictures. The database stays the caller's to close, after the desk.
 * @param readOnly looks on while another process holds the data directory
 */
export const openLabelDesk = (paths: LaboratoryPaths, database: LabelDatabase, readOnly = false): OpenLabelDesk =>
  new StoredLabelDesk(paths, database, readOnly);
