import type { DensityClass } from "../core/index.js";
import type { ModelRef } from "./detection.js";

/** A tensor that a model takes or gives. A dimension that is not a number >= 0 (a name, -1, null) is free. */
export interface TensorSpec {
  readonly name: string;
  /** onnxruntime's name of the element type: uint8, float32, ... */
  readonly type: string;
  readonly shape: readonly (number | string | null)[];
}

interface NetworkSource {
  readonly ref: ModelRef;
  /** Absolute path of the ONNX file; its bytes must have the hash `ref.sha256` when they are loaded. */
  readonly filePath: string;
  /** `fp32` is the model as trained; other names are variants of it, e.g. `int8`. */
  readonly precision: string;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/** The network that maps a field to densities and extents. */
export interface DetectorSource extends NetworkSource {
  readonly kind: "detector";
  /** Object-side size of a pixel of the field that the network takes. */
  readonly umPerPixel: number;
  /** Field pixels per pixel of the density map. */
  readonly stride: number;
  /** A mode of the map is a cell where its density reaches this, per class. */
  readonly thresholds: Readonly<Record<DensityClass, number>>;
  /** Of two cells of one class whose boxes overlap by more than this IoU, the surer one stays. */
  readonly nmsWithinClass: number;
  /** The same between cells of different classes. */
  readonly nmsAcrossClasses: number;
  /** Diameter of a red cell in the field, px. */
  readonly referenceRedCellPx: number;
}

/** The network that names leukocytes from their crops. */
export interface ClassifierSource extends NetworkSource {
  readonly kind: "classifier";
  /** Side of the square crop around a cell, um, and what it is resampled to, px. */
  readonly cropUm: number;
  readonly cropPx: number;
  /** Probabilities are softmax(logits / temperature). */
  readonly temperature: number;
  /** Below this greatest probability the cell stays `leukocyte`. */
  readonly unsureBelow: number;
}

export type NetworkModel = DetectorSource | ClassifierSource;

/** What a detector runs: the map, and the namer of leukocytes where there is one. */
export interface DetectorModels {
  readonly detector: DetectorSource;
  readonly classifier?: ClassifierSource;
}
