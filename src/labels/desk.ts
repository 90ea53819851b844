import type { CellClass } from "../core/index.js";
import type {
  FieldRecord,
  LabelReceipt,
  LabelStats,
  LabelSubmission,
  ReviewOffer,
  ReviewState,
  StoredPicture,
} from "./fieldRecord.js";

export interface FieldQuery {
  readonly states?: readonly ReviewState[] | undefined;
  /** Fields with a cell of this class. */
  readonly cellClass?: CellClass | undefined;
  readonly group?: string | undefined;
  /** 1 to 1000. */
  readonly limit: number;
  /** `cursor` of the page before. */
  readonly after?: string | undefined;
}

export interface FieldPage {
  /** Newest change first. */
  readonly fields: readonly FieldRecord[];
  /** Absent on the last page. */
  readonly cursor?: string;
}

/** Where labels are handed in and asked for: the store of the labelled fields, as the other stations see it. */
export interface LabelDesk {
  /**
   * Takes a change; resolves when it is on the disk.
   * @throws CytoError LABEL_INVALID (boxes, classes, ids), LABEL_FIELD_UNKNOWN, LABEL_PICTURE_UNKNOWN, LABEL_CONFLICT (the same id with
   * another content, or a revision that is not the newest), IMAGE_UNREADABLE (its picture turned out to be none), STORE_FULL, STORE_BUSY, STORE_FAILED
   */
  submit(label: LabelSubmission): Promise<LabelReceipt>;
  /**
   * Keeps a picture under the hash of its bytes; twice is once. A JPEG is known by its header and to be whole; it is decoded later, in
   * the background, and the fields of one that cannot be are rejected then.
   * @throws CytoError IMAGE_UNREADABLE, IMAGE_TOO_LARGE, STORE_FULL, STORE_FAILED
   */
  addPicture(bytes: Uint8Array): Promise<StoredPicture>;
  /** Bytes as they were sent; undefined where there is none. */
  picture(sha256: string): Promise<{ readonly bytes: Uint8Array; readonly mediaType: string } | undefined>;
  /** The newest revision. */
  field(id: string): Promise<FieldRecord | undefined>;
  /** All revisions, oldest first. */
  revisions(id: string): Promise<readonly FieldRecord[]>;
  list(query: FieldQuery): Promise<FieldPage>;
  /** The fields whose review brings most, of those proposed or corrected. */
  next(limit: number): Promise<readonly ReviewOffer[]>;
  stats(): Promise<LabelStats>;
  /** Told after each commit; the returned function ends it. */
  onChange(listener: (changed: readonly FieldRecord[]) => void): () => void;
}
