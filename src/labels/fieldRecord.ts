import type { CellClass, LabelledCell } from "../core/index.js";

/**
 * How far the review of a labelled field has come.
 * - `proposed`: as the detector saw it; nobody has looked.
 * - `corrected`: somebody changed boxes or classes and is not done.
 * - `confirmed`: a person vouches for every box and for there being no other cell. Only these are learnt from.
 * - `unidentified`: looked at, and not to be told.
 * - `rejected`: of no use (blurred, artefact); never offered again.
 */
export const reviewStates = ["proposed", "corrected", "confirmed", "unidentified", "rejected"] as const;
export type ReviewState = (typeof reviewStates)[number];

/** A picture that the laboratory keeps. */
export interface StoredPicture {
  /** Of its bytes, lower-case hexadecimal: its name. */
  readonly sha256: string;
  readonly mediaType: "image/jpeg" | "image/png" | "image/tiff" | "image/bmp";
  readonly bytes: number;
  /** As it is shown (EXIF orientation applied). */
  readonly widthPx: number;
  readonly heightPx: number;
}

/** Where a field came from. Free text of at most 200 characters each; never a patient's. */
export interface FieldOrigin {
  /** Fields of one slide are never split between training and validation. */
  readonly slide?: string | undefined;
  readonly scan?: string | undefined;
  /** Camera. */
  readonly device?: string | undefined;
  /** `name@version` of the model whose proposal was corrected. */
  readonly model?: string | undefined;
  /** Of an import. */
  readonly file?: string | undefined;
}

/** A cell of a labelled field; how sure a detector was of it, where it was one that saw it. */
export interface FieldCell extends LabelledCell {
  /** That a cell is here, 0 to 1. */
  readonly confidence?: number | undefined;
  /** Of the classes that it may be, 0 to 1 each. */
  readonly probabilities?: Readonly<Partial<Record<CellClass, number>>> | undefined;
}

/** What a client sends. */
export interface LabelSubmission {
  /** The client's own id of this change, 1 to 100 characters: sent again, it changes nothing. */
  readonly id: string;
  /** The field that is changed; absent for a new one. */
  readonly field?: string | undefined;
  /** SHA-256 of a picture that was sent before; absent where `field` is given. */
  readonly picture?: string | undefined;
  /** In px of the picture. */
  readonly cells: readonly FieldCell[];
  readonly state: ReviewState;
  /** Who: the name or initials of whoever labels. */
  readonly author: string;
  readonly umPerPixel?: number | undefined;
  readonly origin?: FieldOrigin | undefined;
  /** Revision that the change was made on: another one since is a LABEL_CONFLICT. */
  readonly basedOn?: number | undefined;
}

/** Acknowledged: it is on the disk. */
export interface LabelReceipt {
  readonly id: string;
  readonly field: string;
  readonly revision: number;
  /** The same was sent before. */
  readonly repeated: boolean;
}

/** One revision of a labelled field; revisions are rows, and none is ever overwritten. */
export interface FieldRecord {
  readonly field: string;
  /** From 1. */
  readonly revision: number;
  readonly picture: StoredPicture;
  readonly cells: readonly FieldCell[];
  readonly state: ReviewState;
  readonly author: string;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  readonly umPerPixel?: number;
  readonly origin: FieldOrigin;
  /** Look-alikes (eight orientations) share it; absent until it was looked for. */
  readonly group?: string;
}

/** A field that is worth looking at, and why. */
export interface ReviewOffer {
  readonly field: FieldRecord;
  /** Expected gain, without unit, greatest first. */
  readonly gain: number;
  readonly reasons: readonly {
    readonly kind: "uncertainty" | "disagreement" | "rarity" | "novelty";
    readonly gain: number;
    /** A sentence for the person who reviews. */
    readonly text: string;
  }[];
}

export interface LabelStats {
  readonly fields: Readonly<Record<ReviewState, number>>;
  /** Cells of confirmed fields. */
  readonly cells: Readonly<Record<string, number>>;
  readonly authors: number;
  readonly groups: number;
  /** Bytes of the pictures. */
  readonly bytes: number;
}
