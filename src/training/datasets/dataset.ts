import type { CellClass, DensityClass, LabelledCell } from "../../core/index.js";

/** A labelled picture of a data set. */
export interface LabelledField {
  /** Unique within the data set: the picture's file name without extension. */
  readonly id: string;
  /** Name of the data set. */
  readonly dataset: string;
  readonly picturePath: string;
  /** Size of the picture as it is shown (EXIF orientation applied). */
  readonly widthPx: number;
  readonly heightPx: number;
  /** Boxes in px of the picture, within it and never empty; in the labels' order, twice-listed cells included. */
  readonly cells: readonly LabelledCell[];
  /** Classes of which the labels leave cells out: where none is labelled, there may be one all the same. */
  readonly incomplete: readonly DensityClass[];
  /** Median diameter of the field's red cells (or what stands in for it), px. Absent where nothing tells the scale. */
  readonly redCellDiameterPx?: number;
  /** 7.5 um over `redCellDiameterPx`. */
  readonly umPerPixel?: number;
}

/** What is to be known of a data set that its layout cannot say. From `cytostream.yaml` in its folder, or given. */
export interface DatasetFacts {
  /** Classes of which the labels leave cells out. Default: none, but for collections known to (BCCD: red cells). */
  readonly incomplete?: readonly DensityClass[] | undefined;
  /** Object-side size of a pixel, the same for all pictures. Default: from the red cells' boxes. */
  readonly umPerPixel?: number | undefined;
  /** The same of single pictures, by their fields' ids; before `umPerPixel`. */
  readonly scales?: Readonly<Record<string, number>> | undefined;
}

export type DatasetLayout = "yolo" | "voc";

/** A folder of labelled pictures. */
export interface Dataset {
  /** The folder's name. */
  readonly name: string;
  readonly directory: string;
  readonly layout: DatasetLayout;
  /** Names of the splits, e.g. train and val. */
  readonly splits: readonly string[];
  /** Classes that the labels use or declare, in the taxonomy's order. */
  readonly classes: readonly CellClass[];
  /** Labels that were left out and why, with file and line; grows as splits are read. */
  readonly remarks: readonly string[];
  /**
   * The fields of a split in the order of their ids; read once, then kept.
   * @throws CytoError DATASET_INVALID naming file and line, IMAGE_UNREADABLE
   */
  fields(split: string): Promise<readonly LabelledField[]>;
}

/** A field as a layout's reader gives it: all but what is common to the layouts. */
export interface ListedField {
  readonly id: string;
  readonly picturePath: string;
  readonly labelPath: string | undefined;
}

/** A label as a layout's reader gives it, before it is brought into the picture. */
export interface RawLabel {
  readonly cellClass: CellClass;
  /** px of the picture. */
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  /** `file:line` for messages. */
  readonly place: string;
}

/** What a layout (YOLO, Pascal VOC) has to tell. */
export interface LayoutReader {
  readonly layout: DatasetLayout;
  readonly splits: readonly string[];
  readonly classes: readonly CellClass[];
  list(split: string): Promise<readonly ListedField[]>;
  labels(field: ListedField, size: { widthPx: number; heightPx: number }): Promise<readonly RawLabel[]>;
}
