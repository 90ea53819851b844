import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { type Box, type CellClass, CytoError, taxonomy } from "../../core/index.js";
import { decodePicture } from "../../pictures/index.js";
import { textPath } from "../progress/index.js";
import { type ClassDepth, type FieldOutcome, isSliver, judgeField } from "../scoring/index.js";
import type { Evaluation } from "./evaluate.js";

type Result = Evaluation["results"][number];

interface Mark {
  readonly box: Box;
  readonly cellClass: CellClass;
  readonly colour: string;
  readonly dashed: boolean;
  readonly bold: boolean;
}

const missedColour = "#e60000";
const falseColour = "#0050ff";
const rightColour = "#00a040";
const ignoredColour = "#808080";
/** Pictures are enlarged to at least this width, so that marks can be told apart. */
const leastWidth = 900;

const marksOf = ({ truth, found }: Result, outcome: FieldOutcome): Mark[] => {
  const marks: Mark[] = [];
  const falsely = new Set(outcome.falselyFound);
  const matched = new Set(outcome.foundOf);
  for (const { box, cellClass } of truth.cells)
    if (isSliver(box, truth)) marks.push({ box, cellClass, colour: ignoredColour, dashed: true, bold: false });
  outcome.truths.forEach(({ box, cellClass }, index) => {
    const missed = outcome.foundOf[index] === -1;
    const colour = missed ? missedColour : rightColour;
    marks.push({ box, cellClass, colour, dashed: false, bold: missed });
  });
  found.forEach(({ box, cellClass }, index) => {
    if (falsely.has(index)) marks.push({ box, cellClass, colour: falseColour, dashed: true, bold: true });
    else if (!matched.has(index)) marks.push({ box, cellClass, colour: ignoredColour, dashed: true, bold: false });
  });
  return marks;
};

const drawMark = ({ box, cellClass, colour, dashed, bold }: Mark, scale: number): string => {
  const [x, y] = [box.left * scale, box.top * scale];
  const [width, height] = [(box.right - box.left) * scale, (box.bottom - box.top) * scale];
  const style = `fill="none" stroke="${colour}" stroke-width="${bold ? 3 : 1}"`;
  const dashes = dashed ? ' stroke-dasharray="8 5"' : "";
  const rectangle = `<rect x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${width.toFixed(1)}" height="${height.toFixed(1)}" ${style}${dashes}/>`;
  if (!bold) return rectangle;
  const name = textPath(taxonomy[cellClass].abbreviation, x + 5, y + (dashed ? height - 6 : 16), 10);
  return `${rectangle}<path d="${name}" fill="none" stroke="#ffffff" stroke-width="4"/><path d="${name}" fill="none" stroke="${colour}" stroke-width="1.6"/>`;
};

const drawField = async (result: Result, outcome: FieldOutcome): Promise<Buffer> => {
  const { width, height, pixels } = await decodePicture(result.truth.picturePath);
  const scale = Math.max(leastWidth / width, 1);
  const [wide, high] = [Math.round(width * scale), Math.round(height * scale)];
  const marks = marksOf(result, outcome).map((mark) => drawMark(mark, scale));
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${wide}" height="${high}">${marks.join("")}</svg>`;
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .resize(wide, high, { fit: "fill" })
    .composite([{ input: Buffer.from(svg) }])
    .jpeg({ quality: 88 })
    .toBuffer();
};

const escapeHtml = (text: string): string =>
  text.replace(/[&<>"]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[sign]!);

const fileOf = (id: string): string => `${id.replace(/[^\w.-]/g, "_")}.jpg`;

const page = (title: string, figures: readonly string[]): string => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>${escapeHtml(title)}</title>
<style>
  body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
  figure { margin: 0 0 2.5rem; }
  img { max-width: 100%; height: auto; display: block; }
  b { padding: 0 0.4em; color: #fff; }
</style>
<h1>${escapeHtml(title)}</h1>
<p><b style="background:${missedColour}">missed</b> <b style="background:${falseColour}">falsely found</b>
<b style="background:${rightColour}">right</b> <b style="background:${ignoredColour}">not judged (slivers and the like)</b>
by the protocol <i>fair</i>. Fields with most errors first.</p>
${figures.join("\n")}
</html>
`;

/**
 * Writes a picture of each field that has missed or falsely found cells (protocol fair), and an index.html.
 * @returns the number of fields shown
 * @throws CytoError OUTPUT_FAILED
 */
export const writeErrorPictures = async (
  directory: string,
  results: readonly Result[],
  { title, depth }: { readonly title: string; readonly depth: ClassDepth },
): Promise<number> => {
  const judged = results
    .map((result) => {
      const outcome = judgeField(result, "fair", depth);
      const missed = outcome.foundOf.filter((found) => found === -1).length;
      return { result, outcome, missed, falsely: outcome.falselyFound.length };
    })
    .filter(({ missed, falsely }) => missed + falsely > 0)
    .sort((a, b) => b.missed + b.falsely - (a.missed + a.falsely));
  try {
    await mkdir(directory, { recursive: true });
    const figures: string[] = [];
    for (const { result, outcome, missed, falsely } of judged) {
      const { id, cells } = result.truth;
      await writeFile(join(directory, fileOf(id)), await drawField(result, outcome));
      const caption = `${escapeHtml(id)}: ${cells.length} labelled, ${missed} missed, ${falsely} falsely found`;
      figures.push(
        `<figure><figcaption>${caption}</figcaption><img loading="lazy" src="${encodeURIComponent(fileOf(id))}" alt="${caption}"></figure>`,
      );
    }
    await writeFile(join(directory, "index.html"), page(title, figures));
    return judged.length;
  } catch (error) {
    if (error instanceof CytoError) throw error;
    throw new CytoError("OUTPUT_FAILED", `${directory} cannot be written`, { cause: error, context: { directory } });
  }
};
