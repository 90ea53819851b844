import { basename, join, resolve } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import {
  type CellClass,
  cellClasses,
  densityClasses,
  type LabelledCell,
  type LeukocyteClass,
} from "../../core/index.js";
import type {
  Dataset,
  DatasetFacts,
  DatasetLayout,
  LabelledField,
  LayoutReader,
  ListedField,
  RawLabel,
} from "./dataset.js";
import { invalid, listNames, mapBounded, pictureSize, readText } from "./files.js";
import { openPascalVoc } from "./pascalVoc.js";
import { redCellDiametersPx, redCellDiameterUm } from "./scale.js";
import { readSubtypes, refineLeukocyte } from "./subtypes.js";
import { openYolo } from "./yolo.js";

const filesAtOnce = 8;

const factsSchema = z.strictObject({
  incomplete: z.array(z.enum(densityClasses)).optional(),
  umPerPixel: z.number().positive().optional(),
  scales: z.record(z.string(), z.number().positive()).optional(),
});

/**
 * The BCCD collection (Shenggan, MIT licence) is known by its pictures' names wherever it is unpacked. About half of its
 * red cells have no label: 53 % of those that another data set labels on the same 269 pictures.
 */
const isBccd = (layout: DatasetLayout, fields: readonly ListedField[]): boolean =>
  layout === "voc" && fields.length > 0 && fields.every(({ id }) => /^BloodImage_\d{5}$/.test(id));

const readFacts = async (directory: string): Promise<DatasetFacts> => {
  const path = join(directory, "cytostream.yaml");
  const text = await readText(path);
  if (text === undefined) return {};
  let value: unknown;
  try {
    value = parse(text) ?? {};
  } catch (error) {
    throw invalid(`${path} is not YAML: ${error instanceof Error ? error.message : String(error)}`, { path }, error);
  }
  const result = factsSchema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw invalid(`${path}: ${issue?.path.join(".") || "content"}: ${issue?.message ?? "wrong"}`, { path });
};

const openLayout = async (directory: string): Promise<LayoutReader> => {
  const names = await listNames(directory);
  if (!names) throw invalid(`${directory} is not a folder`, { path: directory });
  if (names.includes("data.yaml")) return openYolo(directory);
  if (["JPEGImages", "Annotations", "ImageSets"].every((name) => names.includes(name))) return openPascalVoc(directory);
  throw invalid(
    `${directory} is neither YOLO (data.yaml, images, labels) nor Pascal VOC (JPEGImages, Annotations, ImageSets)`,
    { path: directory, reason: "layout" },
  );
};

const clamp = (value: number, high: number): number => Math.min(Math.max(value, 0), high);

/** A label brought into its picture, or undefined where nothing of it is there. */
const clip = (label: RawLabel, widthPx: number, heightPx: number): LabelledCell | undefined => {
  const box = {
    left: clamp(label.left, widthPx),
    top: clamp(label.top, heightPx),
    right: clamp(label.right, widthPx),
    bottom: clamp(label.bottom, heightPx),
  };
  // Under a tenth of a pixel is what rounding leaves of an empty box.
  const empty = box.right - box.left < 0.1 || box.bottom - box.top < 0.1;
  return empty ? undefined : { cellClass: label.cellClass, box };
};

class OpenDataset implements Dataset {
  readonly name: string;
  readonly layout;
  readonly splits;
  readonly remarks: string[] = [];
  readonly #reads = new Map<string, Promise<readonly LabelledField[]>>();

  constructor(
    readonly directory: string,
    private readonly reader: LayoutReader,
    private readonly facts: DatasetFacts,
    private readonly subtypes: ReadonlyMap<string, readonly LeukocyteClass[]>,
  ) {
    this.name = basename(directory);
    this.layout = reader.layout;
    this.splits = reader.splits;
  }

  get classes(): readonly CellClass[] {
    const named = new Set<CellClass>([...this.reader.classes, ...[...this.subtypes.values()].flat()]);
    return cellClasses.filter((cellClass) => named.has(cellClass));
  }

  fields(split: string): Promise<readonly LabelledField[]> {
    if (!this.splits.includes(split)) {
      const known = this.splits.join(", ");
      return Promise.reject(invalid(`${this.directory} has no split ${split}, only ${known}`, { split }));
    }
    const read = this.#reads.get(split) ?? this.#read(split);
    this.#reads.set(split, read);
    return read;
  }

  async #read(split: string): Promise<readonly LabelledField[]> {
    const listed = await this.reader.list(split);
    const labelled = await mapBounded(listed, filesAtOnce, (field) => this.#readField(field));
    for (const { remarks } of labelled) this.remarks.push(...remarks);
    const diameters = redCellDiametersPx(labelled);
    const { umPerPixel, scales = {}, incomplete = isBccd(this.layout, listed) ? ["erythrocyte"] : [] } = this.facts;
    return labelled.map(({ id, picturePath, widthPx, heightPx, cells }, index) => {
      const known = scales[id] ?? umPerPixel;
      const redCellDiameterPx = known === undefined ? diameters[index] : redCellDiameterUm / known;
      const scale =
        redCellDiameterPx === undefined ? {} : { redCellDiameterPx, umPerPixel: redCellDiameterUm / redCellDiameterPx };
      return { id, dataset: this.name, picturePath, widthPx, heightPx, cells, incomplete, ...scale };
    });
  }

  async #readField(field: ListedField) {
    const { widthPx, heightPx } = await pictureSize(field.picturePath);
    const labels = refineLeukocyte(await this.reader.labels(field, { widthPx, heightPx }), this.subtypes.get(field.id));
    const cells: LabelledCell[] = [];
    const remarks: string[] = [];
    for (const label of labels) {
      const cell = clip(label, widthPx, heightPx);
      if (cell) cells.push(cell);
      else remarks.push(`${label.place}: an empty box of ${label.cellClass} was left out`);
    }
    return { id: field.id, picturePath: field.picturePath, widthPx, heightPx, cells, remarks };
  }
}

/**
 * Opens a folder of labelled pictures; its layout, YOLO or Pascal VOC, is recognised by its contents. Boxes that reach
 * out of their picture are clipped, empty ones left out and named in `remarks`; labels that cannot be what they should
 * be (not finite, of an unknown class, far outside) are errors. `facts` go before those of `cytostream.yaml`, and these
 * before what is known of a published collection.
 *
 * @throws CytoError DATASET_INVALID
 */
export const openDataset = async (directory: string, facts: DatasetFacts = {}): Promise<Dataset> => {
  const path = resolve(directory);
  const reader = await openLayout(path);
  const own = await readFacts(path);
  const merged = {
    incomplete: facts.incomplete ?? own.incomplete,
    umPerPixel: facts.umPerPixel ?? own.umPerPixel,
    // A scale that is given for all goes before those of single pictures.
    scales: facts.umPerPixel === undefined ? own.scales : undefined,
  };
  return new OpenDataset(path, reader, merged, await readSubtypes(path));
};
