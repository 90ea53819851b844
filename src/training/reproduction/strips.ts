import { readFile, writeFile } from "node:fs/promises";
import sharp from "sharp";
import { CytoError } from "../../core/index.js";
import { encodePng, type Picture } from "../../pictures/index.js";
import { textPath } from "../progress/index.js";

/** Side of a sample in a strip, px, and the space between samples. */
const [sidePx, gapPx] = [128, 4];
const ground = 255;

/** The middle of a picture as a square; what it lacks is left white. */
export const cutSquare = ({ width, height, pixels }: Picture): Picture => {
  const cut = new Uint8Array(3 * sidePx * sidePx).fill(ground);
  const [left, top] = [Math.floor((width - sidePx) / 2), Math.floor((height - sidePx) / 2)];
  for (let y = Math.max(-top, 0); y < Math.min(sidePx, height - top); y++) {
    const from = Math.max(-left, 0);
    const count = Math.min(sidePx, width - left) - from;
    const source = 3 * ((top + y) * width + left + from);
    cut.set(pixels.subarray(source, source + 3 * count), 3 * (y * sidePx + from));
  }
  return { width: sidePx, height: sidePx, pixels: cut };
};

/** Writes squares side by side as a PNG. @throws CytoError OUTPUT_FAILED */
export const writeStrip = async (path: string, squares: readonly Picture[]): Promise<void> => {
  const width = Math.max(squares.length * (sidePx + gapPx) - gapPx, 1);
  const pixels = new Uint8Array(3 * width * sidePx).fill(ground);
  squares.forEach((square, index) => {
    for (let y = 0; y < sidePx; y++)
      pixels.set(
        square.pixels.subarray(3 * y * sidePx, 3 * (y + 1) * sidePx),
        3 * (y * width + index * (sidePx + gapPx)),
      );
  });
  await writeFile(path, await encodePng({ width, height: sidePx, pixels })).catch((error: unknown) => {
    throw new CytoError("OUTPUT_FAILED", `${path} cannot be written`, { cause: error });
  });
};

/** A row of a contact sheet: what it is, and the strip that it shows. */
export interface SheetRow {
  readonly title: string;
  readonly path: string;
}

const labelPx = 150;

/**
 * Writes strips one below another, each with its title, as a PNG; strips that are not there are left out.
 * @returns whether there was one
 * @throws CytoError OUTPUT_FAILED
 */
export const writeContactSheet = async (path: string, rows: readonly SheetRow[]): Promise<boolean> => {
  const read = await Promise.all(
    rows.map(async ({ title, path: strip }) => ({ title, bytes: await readFile(strip).catch(() => undefined) })),
  );
  const there = read.flatMap(({ title, bytes }) => (bytes ? [{ title, bytes }] : []));
  if (there.length === 0) return false;
  const widths = await Promise.all(there.map(async ({ bytes }) => (await sharp(bytes).metadata()).width));
  const [width, height] = [labelPx + Math.max(...widths), there.length * (sidePx + gapPx) - gapPx];
  const titles = there.map(({ title }, row) => {
    const outline = textPath(title, 4, row * (sidePx + gapPx) + sidePx / 2, 12);
    return `<path d="${outline}" fill="none" stroke="#000000" stroke-width="1.4"/>`;
  });
  const labels = Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${titles.join("")}</svg>`,
  );
  const strips = there.map(({ bytes }, row) => ({ input: bytes, left: labelPx, top: row * (sidePx + gapPx) }));
  try {
    await sharp({ create: { width, height, channels: 3, background: "#ffffff" } })
      .composite([{ input: labels, left: 0, top: 0 }, ...strips])
      .png()
      .toFile(path);
  } catch (error) {
    throw new CytoError("OUTPUT_FAILED", `${path} cannot be written`, { cause: error });
  }
  return true;
};
