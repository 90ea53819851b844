import { type FileHandle, mkdir, open, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { FieldRecord } from "../fieldRecord.js";
import {
  collectCells,
  type ImportedField,
  insideFolder,
  invalidImport,
  type LabelReader,
  type LabelWriter,
  readCell,
  readText,
  rounded,
} from "./format.js";

const columns = [
  "picture",
  "class",
  "left",
  "top",
  "right",
  "bottom",
  "state",
  "author",
  "umPerPixel",
  "slide",
  "field",
] as const;
const needed = ["picture", "class", "left", "top", "right", "bottom"] as const;

interface CsvRow {
  /** From 1. */
  readonly line: number;
  readonly values: readonly string[];
}

/**
 * Rows of comma-separated values (RFC 4180): quotes around a value, doubled within it; lines end as anywhere. Empty lines are left
 * out; a quote that is not closed ends with the text.
 */
export const parseCsv = (text: string): CsvRow[] => {
  const rows: CsvRow[] = [];
  let [values, value, quoted, line, begun] = [[] as string[], "", false, 1, 1];
  const endRow = (): void => {
    values.push(value);
    if (values.length > 1 || values[0] !== "") rows.push({ line: begun, values });
    [values, value] = [[], ""];
  };
  const characters = text.replace(/^\uFEFF/, "");
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at]!;
    if (character === "\n") line++;
    if (quoted) {
      if (character !== '"') value += character;
      else if (characters[at + 1] === '"') value += characters[++at];
      else quoted = false;
    } else if (character === '"' && value === "") quoted = true;
    else if (character === ",") {
      values.push(value);
      value = "";
    } else if (character === "\n") {
      endRow();
      begun = line;
    } else if (character !== "\r") value += character;
  }
  endRow();
  return rows;
};

const quote = (value: string): string => (/[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);

interface NamedRow {
  readonly place: string;
  readonly get: (name: (typeof columns)[number]) => string;
}

const numberOf = (text: string): number => (text.trim() === "" ? Number.NaN : Number(text));

/** CSV: a line a cell, header first; a line with no class says that a picture has been looked at and has none. */
export const readCsv: LabelReader = async function* (given) {
  const path = (await stat(given)).isDirectory() ? join(given, "labels.csv") : given;
  const [header, ...rows] = parseCsv(await readText(path));
  const places = new Map(header?.values.map((name, index) => [name.trim(), index]));
  const missing = needed.find((name) => !places.has(name));
  if (missing !== undefined) throw invalidImport(`${path}:1: the column ${missing} is not there`);
  const byPicture = new Map<string, NamedRow[]>();
  for (const { line, values } of rows) {
    const get: NamedRow["get"] = (name) => values[places.get(name) ?? -1] ?? "";
    const place = `${path}:${line}`;
    if (get("picture") === "") yield { place, message: "the picture is not named" };
    else if (values.length > header!.values.length) yield { place, message: "there are more values than columns" };
    else byPicture.set(get("picture"), [...(byPicture.get(get("picture")) ?? []), { place, get }]);
  }
  const folder = dirname(path);
  for (const [picture, group] of byPicture) {
    const { place, get } = group[0]!;
    const picturePath = insideFolder(folder, picture);
    if (picturePath === undefined) {
      yield { place, message: `${picture} is not below ${folder}` };
      continue;
    }
    const umPerPixel = numberOf(get("umPerPixel"));
    const field: ImportedField = {
      ...{ place, picturePath },
      ...(umPerPixel >= 0.01 && umPerPixel <= 2 ? { umPerPixel } : {}),
      ...(get("slide") === "" ? {} : { slide: get("slide") }),
      cells: (size) =>
        collectCells(
          group
            .filter((row) => row.get("class") !== "")
            .map((row) => {
              const [left, top, right, bottom] = (["left", "top", "right", "bottom"] as const).map((side) =>
                numberOf(row.get(side)),
              );
              const box = { left: left!, top: top!, right: right!, bottom: bottom! };
              return { place: row.place, cell: readCell(row.get("class"), box, size) };
            }),
        ),
    };
    yield field;
  }
};

const lineOf = (
  { field, state, author, umPerPixel, origin }: FieldRecord,
  pictureName: string,
  cell: readonly string[],
): string =>
  [
    `images/${pictureName}`,
    ...cell,
    state,
    author,
    umPerPixel === undefined ? "" : String(umPerPixel),
    origin.slide ?? "",
    field,
  ]
    .map(quote)
    .join(",");

export const writeCsv = async (folder: string): Promise<LabelWriter> => {
  await mkdir(folder, { recursive: true });
  const file: FileHandle = await open(join(folder, "labels.csv"), "w");
  await file.writeFile(`${columns.join(",")}\n`);
  return {
    pictures: "images",
    async add(field, pictureName) {
      const cells = field.cells.map(({ cellClass, box: { left, top, right, bottom } }) => [
        cellClass,
        ...[left, top, right, bottom].map((value) => String(rounded(value))),
      ]);
      const lines = (cells.length === 0 ? [["", "", "", "", ""]] : cells).map((cell) =>
        lineOf(field, pictureName, cell),
      );
      await file.writeFile(`${lines.join("\n")}\n`);
    },
    finish: () => file.close(),
  };
};
