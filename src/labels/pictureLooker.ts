import { decodePreview, type Preview, StainMeter } from "../pictures/index.js";
import type { PictureLooks } from "./database/rows.js";
import { looksOf } from "./lookAlikes.js";
import { thumbnailOf } from "./thumbnail.js";

/** Pixels that tell a picture's look-alikes and its stain. */
const looksPixels = 15_000;

/** Looks at pictures: what tells their look-alikes, and their stain. */
export class PictureLooker {
  readonly #stains = new StainMeter();

  /** @throws CytoError IMAGE_UNREADABLE, IMAGE_TOO_LARGE */
  async look(bytes: Uint8Array): Promise<{ readonly preview: Preview; readonly looks: PictureLooks }> {
    const preview = await decodePreview(bytes, { leastPixels: looksPixels });
    const thumbnail = thumbnailOf(preview);
    const looks = {
      thumbnail: new Uint8Array(thumbnail.buffer),
      signature: new Uint8Array(looksOf(thumbnail).signature.buffer),
      stain: this.#stains.measure(preview),
    };
    return { preview, looks };
  }
}
