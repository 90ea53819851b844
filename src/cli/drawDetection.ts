import sharp from "sharp";
import { type Cell, type CellClass, CytoError, cellClasses, taxonomy } from "../core/index.js";
import type { DensityMap } from "../detection/index.js";
import { encodePng, type Picture } from "../pictures/index.js";

const escapeXml = (text: string): string => text.replace(/[<>&"]/g, (character) => `&#${character.charCodeAt(0)};`);
const round = (value: number): string => value.toFixed(1);

/** How many cells of each class there are, in the order of the taxonomy, classes without cells left out. */
export const countByClass = (cells: readonly Cell[]): Partial<Record<CellClass, number>> => {
  const counts: Partial<Record<CellClass, number>> = {};
  for (const name of cellClasses) {
    const count = cells.filter(({ cellClass }) => cellClass === name).length;
    if (count > 0) counts[name] = count;
  }
  return counts;
};

const markOf = ({ cellClass, box, centre }: Cell, line: number): string => {
  const { colour, abbreviation } = taxonomy[cellClass];
  const width = box.right - box.left;
  const height = box.bottom - box.top;
  const font = Math.max(9, Math.min(22, height / 3));
  // Labels stand above their box, or inside where the picture ends.
  const baseline = box.top > font + line ? box.top - 2 * line : box.top + font;
  return [
    `<rect x="${round(box.left)}" y="${round(box.top)}" width="${round(width)}" height="${round(height)}" fill="none" stroke="${colour}" stroke-width="${line}"/>`,
    `<circle cx="${round(centre.x)}" cy="${round(centre.y)}" r="${1.5 * line}" fill="${colour}" stroke="#ffffff" stroke-width="${line / 2}"/>`,
    `<text x="${round(box.left)}" y="${round(baseline)}" font-size="${round(font)}" fill="${colour}" stroke="#ffffff" stroke-width="${line * 1.5}" paint-order="stroke">${escapeXml(abbreviation)}</text>`,
  ].join("");
};

const legendRow = 22;
const legendColumn = 210;

/** Swatches, names and counts of the classes that were found, below the picture. */
const legendOf = (cells: readonly Cell[], width: number, top: number): { svg: string; height: number } => {
  const entries = Object.entries(countByClass(cells)) as [CellClass, number][];
  const columns = Math.max(1, Math.floor(width / legendColumn));
  const marks = entries.map(([name, count], i) => {
    const { colour, label, abbreviation } = taxonomy[name];
    const x = 8 + (i % columns) * legendColumn;
    const y = top + 4 + Math.floor(i / columns) * legendRow;
    const text = escapeXml(`${abbreviation}  ${label}: ${count}`);
    return `<rect x="${x}" y="${y}" width="14" height="14" fill="${colour}"/><text x="${x + 20}" y="${y + 12}" font-size="13" fill="#202020">${text}</text>`;
  });
  const rows = Math.max(1, Math.ceil(entries.length / columns));
  const none = `<text x="8" y="${top + 16}" font-size="13" fill="#202020">no cells</text>`;
  return { svg: entries.length > 0 ? marks.join("") : none, height: rows * legendRow + 4 };
};

/**
 * The picture with a box, a centre and an abbreviation for each cell in the taxonomy's colours, and a legend below it.
 * @returns a PNG
 * @throws CytoError FRAME_INVALID
 */
export const drawOverlay = async (picture: Picture, cells: readonly Cell[]): Promise<Uint8Array> => {
  const { width, height } = picture;
  const line = Math.max(1, Math.round(Math.max(width, height) / 640));
  const legend = legendOf(cells, width, height);
  const marks = [...cells].reverse().map((cell) => markOf(cell, line));
  const total = height + legend.height;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${total}" font-family="sans-serif" font-weight="bold">${marks.join("")}${legend.svg}</svg>`;
  try {
    return await sharp(picture.pixels, { raw: { width, height, channels: 3 }, limitInputPixels: false })
      .extend({ bottom: legend.height, background: "#ffffff" })
      .composite([{ input: Buffer.from(svg), left: 0, top: 0 }])
      .png()
      .toBuffer();
  } catch (error) {
    throw CytoError.from(error, "FRAME_INVALID");
  }
};

const channelsOf = (colour: string): readonly [number, number, number] => [
  Number.parseInt(colour.slice(1, 3), 16),
  Number.parseInt(colour.slice(3, 5), 16),
  Number.parseInt(colour.slice(5, 7), 16),
];

/**
 * The density map as a picture of the size of the field: each class's density in its colour on black, added up.
 * @returns a PNG
 * @throws CytoError FRAME_INVALID
 */
export const drawDensity = async (map: DensityMap, field: { width: number; height: number }): Promise<Uint8Array> => {
  const colours = map.classes.map((name) => channelsOf(taxonomy[name].colour));
  const size = map.width * map.height;
  const small = new Uint8Array(size * 3);
  for (let i = 0; i < size; i++)
    for (let channel = 0; channel < 3; channel++) {
      let sum = 0;
      for (let c = 0; c < colours.length; c++) sum += map.planes[c * size + i]! * colours[c]![channel]!;
      small[i * 3 + channel] = Math.min(255, Math.round(sum));
    }
  const { width, height } = field;
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const row = Math.min(map.height - 1, Math.floor((y + 0.5) / map.framePixelsPerMapPixel)) * map.width;
    for (let x = 0; x < width; x++) {
      const at = (row + Math.min(map.width - 1, Math.floor((x + 0.5) / map.framePixelsPerMapPixel))) * 3;
      const to = (y * width + x) * 3;
      pixels[to] = small[at]!;
      pixels[to + 1] = small[at + 1]!;
      pixels[to + 2] = small[at + 2]!;
    }
  }
  return encodePng({ width, height, pixels });
};
