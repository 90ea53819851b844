import { createHash } from "node:crypto";
import sharp from "sharp";
import { CytoError } from "../../../src/core/index.js";
import {
  type FieldQuery,
  type FieldRecord,
  type LabelDesk,
  type LabelStats,
  type LabelSubmission,
  reviewStates,
  type StoredPicture,
} from "../../../src/labels/index.js";

interface Kept {
  readonly picture: StoredPicture;
  readonly bytes: Uint8Array;
}

/** The part of a submission that makes it the same one. */
const contentOf = (label: LabelSubmission): string => JSON.stringify({ ...label, id: undefined });

const checkCells = ({ cells }: LabelSubmission, { widthPx, heightPx }: StoredPicture): void => {
  cells.forEach(({ box: { left, top, right, bottom } }, index) => {
    const inside = left >= 0 && top >= 0 && right <= widthPx && bottom <= heightPx;
    if (!inside || left >= right || top >= bottom)
      throw new CytoError("LABEL_INVALID", `Cell ${index + 1}: the box is empty or outside the picture.`);
  });
};

/** A desk of labels in memory: the contract of src/labels/desk.ts without a disk. */
export class MemoryLabels implements LabelDesk {
  readonly #pictures = new Map<string, Kept>();
  readonly #fields = new Map<string, FieldRecord[]>();
  readonly #submitted = new Map<
    string,
    { readonly content: string; readonly field: string; readonly revision: number }
  >();
  readonly #listeners = new Set<(changed: readonly FieldRecord[]) => void>();
  /** Commits wait for it: a disk that takes its time. */
  commit: () => Promise<void> = async () => {};
  /** Thrown by the next commits, as by a full disk. */
  failure: CytoError | undefined;
  #atMs = 1_767_225_600_000;

  async submit(label: LabelSubmission) {
    const before = this.#submitted.get(label.id);
    if (before !== undefined) {
      if (before.content !== contentOf(label))
        throw new CytoError("LABEL_CONFLICT", "That id was used for another label.");
      return { id: label.id, field: before.field, revision: before.revision, repeated: true };
    }
    await this.commit();
    if (this.failure !== undefined) throw this.failure;
    const record = this.#next(label);
    this.#fields.set(record.field, [...(this.#fields.get(record.field) ?? []), record]);
    const { field, revision } = record;
    this.#submitted.set(label.id, { content: contentOf(label), field, revision });
    for (const listener of this.#listeners) listener([record]);
    return { id: label.id, field, revision, repeated: false };
  }

  #next(label: LabelSubmission): FieldRecord {
    const newest = label.field === undefined ? undefined : this.#fields.get(label.field)?.at(-1);
    if (label.field !== undefined && newest === undefined)
      throw new CytoError("LABEL_FIELD_UNKNOWN", "There is no labelled field of that id.");
    if (newest !== undefined && label.basedOn !== undefined && label.basedOn !== newest.revision)
      throw new CytoError("LABEL_CONFLICT", `Revision ${newest.revision} is the newest.`);
    const picture = newest?.picture ?? this.#pictures.get(label.picture ?? "")?.picture;
    if (picture === undefined) throw new CytoError("LABEL_PICTURE_UNKNOWN", "There is no picture of that hash.");
    checkCells(label, picture);
    const umPerPixel = label.umPerPixel ?? newest?.umPerPixel;
    return {
      field: newest?.field ?? `f-${this.#fields.size + 1}`,
      revision: (newest?.revision ?? 0) + 1,
      picture,
      cells: label.cells,
      state: label.state,
      author: label.author,
      atMs: this.#atMs++,
      ...(umPerPixel === undefined ? {} : { umPerPixel }),
      origin: label.origin ?? newest?.origin ?? {},
    };
  }

  async addPicture(bytes: Uint8Array): Promise<StoredPicture> {
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const known = this.#pictures.get(sha256);
    if (known !== undefined) return known.picture;
    const { format, width, height } = await sharp(bytes)
      .metadata()
      .catch((error: unknown) => {
        throw CytoError.from(error, "IMAGE_UNREADABLE");
      });
    const mediaType = `image/${format}` as StoredPicture["mediaType"];
    const picture = { sha256, mediaType, bytes: bytes.length, widthPx: width, heightPx: height };
    this.#pictures.set(sha256, { picture, bytes });
    return picture;
  }

  async picture(sha256: string) {
    const kept = this.#pictures.get(sha256);
    return kept === undefined ? undefined : { bytes: kept.bytes, mediaType: kept.picture.mediaType };
  }

  async field(id: string) {
    return this.#fields.get(id)?.at(-1);
  }

  async revisions(id: string) {
    return this.#fields.get(id) ?? [];
  }

  get #newest(): FieldRecord[] {
    return [...this.#fields.values()].flatMap((revisions) => revisions.at(-1) ?? []).sort((a, b) => b.atMs - a.atMs);
  }

  async list({ states, cellClass, limit, after }: FieldQuery) {
    const matching = this.#newest.filter(
      ({ state, cells }) =>
        (states === undefined || states.includes(state)) &&
        (cellClass === undefined || cells.some((cell) => cell.cellClass === cellClass)),
    );
    const begin = after === undefined ? 0 : Number(after);
    const cursor = begin + limit < matching.length ? { cursor: String(begin + limit) } : {};
    return { fields: matching.slice(begin, begin + limit), ...cursor };
  }

  async next(limit: number) {
    return this.#newest
      .filter(({ state }) => state === "proposed" || state === "corrected")
      .slice(0, limit)
      .map((field, index) => ({
        field,
        gain: 1 / (index + 1),
        reasons: [
          { kind: "rarity" as const, gain: 0.6 / (index + 1), text: "It may show a basophil, of which there are 3." },
          { kind: "uncertainty" as const, gain: 0.4 / (index + 1), text: "The detector was unsure of 2 cells." },
        ],
      }));
  }

  async stats(): Promise<LabelStats> {
    const newest = this.#newest;
    const cells: Record<string, number> = {};
    for (const { state, cells: found } of newest) {
      if (state !== "confirmed") continue;
      for (const { cellClass } of found) cells[cellClass] = (cells[cellClass] ?? 0) + 1;
    }
    const counted = reviewStates.map(
      (state) => [state, newest.filter((field) => field.state === state).length] as const,
    );
    return {
      fields: Object.fromEntries(counted) as LabelStats["fields"],
      cells,
      authors: new Set(newest.map(({ author }) => author)).size,
      groups: newest.length,
      bytes: [...this.#pictures.values()].reduce((sum, { bytes }) => sum + bytes.length, 0),
    };
  }

  onChange(listener: (changed: readonly FieldRecord[]) => void) {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}
