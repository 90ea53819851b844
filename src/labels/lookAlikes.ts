import { likeness, normaliseThumbnail, orientationsOf, signatureLength, signatureOf } from "./thumbnail.js";

/** Thumbnails that correlate over this in one of eight orientations show the same picture. */
export const sameAbove = 0.97;
/** |a - b|^2 = 2 - 2 a b for vectors of length 1; a hair more for rounding. */
const farthest = 2 * (1 - sameAbove) + 1e-4;
/** Nearest ones that are compared: of a picture that is there a thousand times, some will do. */
const mostCandidates = 256;

/** The signatures of many pictures, close together in memory; grows as pictures come. */
export class LookAlikeIndex {
  #signatures = new Float32Array(256 * signatureLength);
  #ids = new Float64Array(256);
  #count = 0;

  get size(): number {
    return this.#count;
  }

  add(id: number, signature: Float32Array): void {
    if (this.#count === this.#ids.length) this.#grow();
    this.#signatures.set(signature, this.#count * signatureLength);
    this.#ids[this.#count++] = id;
  }

  /** Ids of the pictures that may be look-alikes of one with this signature, nearest first; those that are, are among them. */
  candidates(signature: Float32Array): number[] {
    const found: { readonly id: number; readonly distance: number }[] = [];
    for (let index = 0; index < this.#count; index++) {
      const from = index * signatureLength;
      let distance = 0;
      // Looked at after each eight numbers: most are far from the start.
      for (let at = 0; at < signatureLength && distance <= farthest; at += 8)
        for (let each = at; each < at + 8; each++) distance += (this.#signatures[from + each]! - signature[each]!) ** 2;
      if (distance <= farthest) found.push({ id: this.#ids[index]!, distance });
    }
    found.sort((a, b) => a.distance - b.distance);
    return found.slice(0, mostCandidates).map(({ id }) => id);
  }

  #grow(): void {
    const [signatures, ids] = [this.#signatures, this.#ids];
    this.#signatures = new Float32Array(2 * signatures.length);
    this.#signatures.set(signatures);
    this.#ids = new Float64Array(2 * ids.length);
    this.#ids.set(ids);
  }
}

/** A thumbnail made ready for comparing. */
export interface Looks {
  readonly thumbnail: Float32Array;
  readonly signature: Float32Array;
}

export const looksOf = (bytes: Int8Array): Looks => {
  const thumbnail = normaliseThumbnail(bytes);
  return { thumbnail, signature: signatureOf(thumbnail) };
};

/** Whether others look like one. */
export const comparerOf = ({ thumbnail }: Pick<Looks, "thumbnail">): ((other: Float32Array) => boolean) => {
  const orientations = orientationsOf(thumbnail);
  return (other) => likeness(orientations, other) > sameAbove;
};
