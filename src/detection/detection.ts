import type { Cell, DensityClass } from "../core/index.js";

/** Which model produced a result; every result names its models. */
export interface ModelRef {
  readonly name: string;
  readonly version: string;
  /** SHA-256 of the ONNX file, lower-case hex. */
  readonly sha256: string;
}

/** Object-side size of a pixel of the frame, and how it is known. */
export interface FieldScale {
  readonly umPerPixel: number;
  /** `frame`: the camera told; `config`: given by the user; `estimated`: from the red cells (7.5 um). */
  readonly origin: "frame" | "config" | "estimated";
}

/** What the red cells of a field alone say of its scale. */
export interface RedCellScale {
  /** At which the median red cell would be 7.5 um across; NaN without red cells. */
  readonly umPerPixel: number;
  /** Red cells that lie wholly inside, of the field or, where all scales were searched, of its middle. */
  readonly count: number;
  /** Whether all scales were searched for it. */
  readonly searched: boolean;
  /** Whether it is to be believed: there are enough, the network is sure of them, and they have the size at which it looked. */
  readonly telling: boolean;
}

/** Density over the field: one plane per density class, row by row, planes one after the other. */
export interface DensityMap {
  readonly classes: readonly DensityClass[];
  readonly width: number;
  readonly height: number;
  /** Map coordinates times this are frame pixels (pixel centres at +0.5 in both). */
  readonly framePixelsPerMapPixel: number;
  readonly planes: Float32Array<ArrayBuffer>;
}

export interface DetectionTimings {
  readonly preprocessMs: number;
  readonly inferenceMs: number;
  readonly clusteringMs: number;
  readonly classificationMs: number;
}

/** What the detector says of one field. */
export interface Detection {
  readonly cells: readonly Cell[];
  readonly scale: FieldScale;
  readonly models: { readonly detector: ModelRef; readonly classifier?: ModelRef };
  /** The onnxruntime execution provider that ran it: cpu, cuda, webgpu, dml, coreml. */
  readonly provider: string;
  readonly timings: DetectionTimings;
  /** Present when asked for. */
  readonly redCells?: RedCellScale;
  /** Present when asked for. */
  readonly density?: DensityMap;
  /** The frame's own pixels, handed back when asked for: the frame that was given has lost them. */
  readonly pixels?: Uint8Array<ArrayBuffer>;
}
