import { CytoError } from "../../../src/core/index.js";
import { decodePicture, type Picture } from "../../../src/pictures/index.js";

/** A picture that was decoded, or why it was not. */
export type Decoded =
  | { readonly path: string; readonly picture: Picture }
  | { readonly path: string; readonly fault: CytoError };

const decode = async (path: string, maxPixels: number): Promise<Decoded> => {
  try {
    return { path, picture: await decodePicture(path, { maxPixels }) };
  } catch (error) {
    return { path, fault: CytoError.from(error, "IMAGE_UNREADABLE") };
  }
};

/**
 * Decodes pictures in their order while at most `ahead` are being decoded or wait to be taken. A fault is a value. When the
 * consumer leaves, what is being decoded is awaited, so that nothing outlives the iteration.
 */
export async function* decodeAhead(
  paths: Iterable<string>,
  { ahead, maxPixels }: { readonly ahead: number; readonly maxPixels: number },
): AsyncGenerator<Decoded, void, undefined> {
  const remaining = paths[Symbol.iterator]();
  const pending: Promise<Decoded>[] = [];
  const begin = (): void => {
    const next = remaining.next();
    if (next.done !== true) pending.push(decode(next.value, maxPixels));
  };
  try {
    for (let index = 0; index < ahead; index++) begin();
    for (let first = pending.shift(); first !== undefined; first = pending.shift()) {
      const decoded = await first;
      begin();
      yield decoded;
    }
  } finally {
    await Promise.all(pending);
  }
}
