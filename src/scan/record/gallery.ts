import sharp from "sharp";
import { type CellClass, CytoError, taxonomy } from "../../core/index.js";
import type { Jpeg, ScanCell } from "../desk.js";
import type { ScanCourse } from "./course.js";
import { readPicture, type ScanFolder } from "./folder.js";

/** A cut-out shows this many times the cell's longer side; its own side, px. */
const surround = 1.6;
const cutOutPx = 160;
const ground = { r: 226, g: 226, b: 230 };

const boxOf = (row: readonly number[]): ScanCell["boxPx"] => {
  const [, , , , left = 0, top = 0, right = 0, bottom = 0] = row;
  return { left, top, width: right - left, height: bottom - top };
};

/** Counted cells of a class, its children among them, the surest first. */
export const galleryOf = (
  course: ScanCourse,
  { cellClass, limit }: { readonly cellClass: CellClass; readonly limit: number },
): ScanCell[] => {
  const wanted = (name: CellClass): boolean => name === cellClass || taxonomy[name].parent === cellClass;
  const found: ScanCell[] = [];
  for (const { cell, view } of course.cells(wanted)) {
    const row = course.fields[view.field]!.cells[view.row]!;
    const { id, boxUm } = cell;
    found.push({ id, cellClass: cell.cellClass, confidence: row[8]!, field: view.field, boxPx: boxOf(row), boxUm });
  }
  return found.sort((a, b) => b.confidence - a.confidence || a.id - b.id).slice(0, limit);
};

/** A square around a cell, from the picture that shows it best; beyond the picture's border is grey. @throws CytoError NOT_FOUND */
export const cutOut = async (folder: ScanFolder, course: ScanCourse, cell: number): Promise<Jpeg> => {
  const view = course.viewOf(cell);
  if (view === undefined) throw new CytoError("NOT_FOUND", `scan ${folder.id} has no cell ${cell}`);
  const entry = course.fields[view.field]!;
  const jpeg = await readPicture(folder, view.field);
  const { width = 0, height = 0 } = await sharp(jpeg).metadata();
  const scale = width / entry.widthPx;
  const box = boxOf(entry.cells[view.row]!);
  const side = Math.max(8, Math.ceil(surround * Math.max(box.width, box.height) * scale));
  const left = Math.round((box.left + box.width / 2) * scale - side / 2);
  const top = Math.round((box.top + box.height / 2) * scale - side / 2);
  const [fromX, fromY] = [Math.max(0, left), Math.max(0, top)];
  const [toX, toY] = [Math.min(width, left + side), Math.min(height, top + side)];
  const part = await sharp(jpeg)
    .extract({ left: fromX, top: fromY, width: toX - fromX, height: toY - fromY })
    .extend({
      ...{ left: fromX - left, top: fromY - top, right: left + side - toX, bottom: top + side - toY },
      background: ground,
    })
    .png()
    .toBuffer();
  return sharp(part).resize(cutOutPx, cutOutPx).jpeg({ quality: 88 }).toBuffer();
};
