/** The picture formats that are read, recognised by content; a file's name says nothing. */
export type PictureFormat = "jpeg" | "png" | "tiff" | "bmp";

/** Endings under which the formats are kept, lower case, used to choose files of a folder. */
export const pictureExtensions = [".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".bmp", ".dib"] as const;

/** Bytes of a file that `sniffFormat` needs. */
export const sniffBytes = 16;

const signatures: readonly { readonly format: PictureFormat; readonly bytes: readonly number[] }[] = [
  { format: "jpeg", bytes: [0xff, 0xd8, 0xff] },
  { format: "png", bytes: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] },
  { format: "tiff", bytes: [0x49, 0x49, 0x2a, 0x00] },
  { format: "tiff", bytes: [0x4d, 0x4d, 0x00, 0x2a] },
  { format: "tiff", bytes: [0x49, 0x49, 0x2b, 0x00] },
  { format: "tiff", bytes: [0x4d, 0x4d, 0x00, 0x2b] },
  { format: "bmp", bytes: [0x42, 0x4d] },
];

/** The format that the first bytes of a file tell, or undefined where it is none of those read. */
export const sniffFormat = (head: Uint8Array): PictureFormat | undefined =>
  signatures.find(({ bytes }) => bytes.length <= head.length && bytes.every((byte, index) => head[index] === byte))
    ?.format;
