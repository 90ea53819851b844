import { setTimeout as delay } from "node:timers/promises";
import { CytoError } from "../core/index.js";
import type { Database } from "../store/index.js";
import type { LabelProgram } from "./database/program.js";
import { type PictureLooks, recordOf, type WaitingPicture } from "./database/rows.js";
import type { FieldRecord } from "./fieldRecord.js";
import type { PictureFiles } from "./pictureFiles.js";
import type { PictureIntake } from "./pictureIntake.js";
import type { PictureLooker } from "./pictureLooker.js";

/** Pictures whose looks go into one commit. */
const examinedAtOnce = 8;
/** Pictures that come in go first: so long after the last one is a picture looked at, or after so long in any case. */
const quietMs = 50;
const mostGivenWayMs = 1000;
const lookAgainMs = 10;

export interface Examiner {
  readonly files: PictureFiles;
  readonly database: Database<LabelProgram>;
  readonly intake: PictureIntake;
  readonly looker: PictureLooker;
  /** Rejects a field, whose picture cannot be decoded. */
  reject(field: FieldRecord): Promise<void>;
  closed(): boolean;
}

/** Looks at the pictures that were kept by their headers, in the background: their look-alikes, their stain, and whether they can be decoded. */
export class PictureExaminer {
  readonly #with: Examiner;
  #after = 0;

  constructor(examiner: Examiner) {
    this.#with = examiner;
  }

  /** From the first one on: a file that was lost may be there again. */
  restart(): void {
    this.#after = 0;
  }

  /** Looks at a few. @returns whether more wait */
  async next(): Promise<boolean> {
    const { database, closed } = this.#with;
    const pictures = await database.read("waitingPictures", { after: this.#after, limit: examinedAtOnce });
    const seen: { readonly id: number; readonly looks: PictureLooks }[] = [];
    for (const picture of pictures) {
      await this.#giveWay();
      if (closed()) break;
      const looks = await this.#look(picture);
      if (looks !== undefined) seen.push({ id: picture.id, looks });
      this.#after = picture.id;
    }
    // Handed in together, so that they are one commit.
    await Promise.all(seen.map((examined) => database.write("addLooks", examined)));
    return pictures.length === examinedAtOnce;
  }

  /** Undefined where the file is lost, or is no picture after all: then its fields are rejected. */
  async #look(picture: WaitingPicture): Promise<PictureLooks | undefined> {
    const bytes = await this.#with.files.read(picture);
    if (bytes === undefined) return undefined;
    try {
      return (await this.#with.looker.look(bytes)).looks;
    } catch (error) {
      if (CytoError.from(error).code !== "IMAGE_UNREADABLE") throw error;
      await this.#refuse(picture.id);
      return undefined;
    }
  }

  async #refuse(picture: number): Promise<void> {
    const { database, reject } = this.#with;
    for (let fields = await database.write("refusePicture", picture); fields.length > 0; ) {
      for (const field of fields) await reject(recordOf(field));
      fields = await database.write("refusePicture", picture);
    }
  }

  async #giveWay(): Promise<void> {
    const { intake, closed } = this.#with;
    const untilMs = performance.now() + mostGivenWayMs;
    while (intake.quietMs < quietMs && performance.now() < untilMs && !closed()) await delay(lookAgainMs);
  }
}
