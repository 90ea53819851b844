import { CytoError } from "../../core/index.js";
import type { StainMeasure } from "../../pictures/index.js";
import type { FieldRecord, LabelReceipt, LabelSubmission, ReviewState, StoredPicture } from "../fieldRecord.js";
import type { Doubt } from "../learning.js";

/** Rows, as they go between the thread of the database and the others; lists and objects in them are JSON texts. */

export interface PictureRow {
  readonly sha256: string;
  readonly mediaType: StoredPicture["mediaType"];
  readonly bytes: number;
  readonly widthPx: number;
  readonly heightPx: number;
}

/** What a look at a picture tells. */
export interface PictureLooks {
  readonly thumbnail: Uint8Array;
  readonly signature: Uint8Array;
  readonly stain: StainMeasure;
}

export interface NewPicture extends PictureRow {
  readonly addedAtMs: number;
  /** Absent where the picture is to be looked at later. */
  readonly looks?: PictureLooks;
}

/** As `pictures.examined` has it. */
export const examination = { waits: 0, done: 1, unreadable: 2 } as const;

export interface KeptPicture extends PictureRow {
  readonly examined: number;
}

/** Of a picture that was kept, and then could not be decoded. */
export const unreadablePicture = ({ sha256 }: Pick<PictureRow, "sha256">): CytoError =>
  new CytoError("IMAGE_UNREADABLE", `the picture ${sha256} cannot be decoded`);

/** A picture that waits to be looked at. */
export interface WaitingPicture extends PictureRow {
  readonly id: number;
}

/** A label, worked out as far as it can be without the database. */
export interface NewLabel {
  readonly label: Omit<LabelSubmission, "cells">;
  readonly digest: string;
  readonly atMs: number;
  /** Name of the field if it is a new one. */
  readonly newField: string;
  readonly cells: string;
  readonly counts: string;
  readonly doubt: Doubt;
  readonly reach: { readonly right: number; readonly bottom: number };
}

export interface RecordRow extends PictureRow {
  readonly field: string;
  readonly revision: number;
  readonly seq: number;
  readonly state: ReviewState;
  readonly author: string;
  readonly atMs: number;
  readonly umPerPixel: number | null;
  readonly origin: string;
  readonly cells: string;
  readonly lookAlike: string | null;
}

export interface Submitted {
  readonly receipt: LabelReceipt;
  /** Absent where the same was sent before. */
  readonly record?: RecordRow;
}

export const pictureOf = ({ sha256, mediaType, bytes, widthPx, heightPx }: PictureRow): StoredPicture => ({
  sha256,
  mediaType,
  bytes,
  widthPx,
  heightPx,
});

export const recordOf = (row: RecordRow): FieldRecord => ({
  field: row.field,
  revision: row.revision,
  picture: pictureOf(row),
  cells: JSON.parse(row.cells) as FieldRecord["cells"],
  state: row.state,
  author: row.author,
  atMs: row.atMs,
  ...(row.umPerPixel === null ? {} : { umPerPixel: row.umPerPixel }),
  origin: JSON.parse(row.origin) as FieldRecord["origin"],
  ...(row.lookAlike === null ? {} : { group: row.lookAlike }),
});
