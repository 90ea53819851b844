const marker = { none: 0x00, temporary: 0x01, firstRestart: 0xd0, lastRestart: 0xd7, endOfImage: 0xd9 } as const;

/** Markers that no segment follows, and bytes of 0xFF that the scans stuff with a 0. */
const standsAlone = (code: number): boolean =>
  code === marker.none || code === marker.temporary || (code >= marker.firstRestart && code <= marker.lastRestart);

/**
 * Whether a JPEG's bytes reach the end of its image: segments that lie within the file, scans, and the marker EOI (ITU-T T.81, B.1 and
 * B.2). Nothing is decoded: what a cut-off file shows at once, at the cost of one look over the bytes.
 */
export const isWholeJpeg = (bytes: Uint8Array): boolean => {
  for (let at = 2; ; ) {
    at = bytes.indexOf(0xff, at);
    if (at < 0) return false;
    while (bytes[at] === 0xff) at++;
    const code = bytes[at++];
    if (code === undefined) return false;
    if (code === marker.endOfImage) return true;
    if (standsAlone(code)) continue;
    const length = 256 * (bytes[at] ?? 0) + (bytes[at + 1] ?? 0);
    if (length < 2 || at + length > bytes.length) return false;
    at += length;
  }
};
