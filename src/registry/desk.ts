import type { ModelManifest } from "./manifest.js";

/** A model that the laboratory knows. */
export interface ModelEntry {
  readonly name: string;
  readonly version: string;
  readonly kind: ModelManifest["kind"];
  /** Came with the program, or was trained here. */
  readonly origin: "shipped" | "laboratory";
  /** Of `model.onnx`. */
  readonly sha256: string;
  readonly active: boolean;
  readonly lineage?: ModelLineage;
  readonly figures: Readonly<Record<string, unknown>>;
  /** Markdown. */
  readonly card: string;
}

/** Where a candidate comes from: `lineage.json` beside its manifest. */
export interface ModelLineage {
  /** `name@version` of the model that the training began with. */
  readonly parent: string;
  readonly parentSha256: string;
  /** SHA-256 of the snapshot's manifest. */
  readonly dataSha256: string;
  /** Of cytostream. */
  readonly codeVersion: string;
  readonly seed: number;
  readonly job: string;
  readonly trainedAtMs: number;
}

export interface ClassComparison {
  readonly cellClass: string;
  /** P of the candidate less that of the model in production, points, with its interval at the level that was asked. */
  readonly difference: number;
  readonly low: number;
  readonly high: number;
  /** True cells that it rests on. */
  readonly cells?: number;
  /** False where there are too few cells for a test of the margin: the class is watched only. */
  readonly tested?: boolean;
}

/** What the gate found. A refusal is a value, not an error. */
export interface GateReport {
  readonly candidate: string;
  readonly active: string;
  readonly decision: "promote" | "refuse";
  /** One sentence a reason. */
  readonly reasons: readonly string[];
  /** Level of this test, after the correction for all tests of the year. */
  readonly alpha: number;
  readonly pooled: ClassComparison;
  readonly classes: readonly ClassComparison[];
  /** The same on the old data, where there are any. */
  readonly old?: { readonly pooled: ClassComparison; readonly classes: readonly ClassComparison[] };
  /** Fields compared on, new and old data. */
  readonly fields: { readonly validation: number; readonly old: number };
  readonly atMs: number;
}

/** The two networks that are in production together; each has its own history. */
export const servingKinds = ["detector", "classifier"] as const;
export type ServingKind = (typeof servingKinds)[number];

export interface Promotion {
  readonly atMs: number;
  readonly kind: "initial" | "promotion" | "rollback";
  /** Which of the two is another one. */
  readonly network: ServingKind;
  /** `name@version` and hash of what is in production from now on. */
  readonly model: string;
  readonly sha256: string;
  /** What was before; absent at the first. */
  readonly before?: string;
  readonly by: string;
  readonly reason: string;
}

/** The models: which there are, which is in production, which was. */
export interface ModelDesk {
  list(): Promise<readonly ModelEntry[]>;
  /** @throws CytoError MODEL_NOT_FOUND */
  show(model: string): Promise<ModelEntry>;
  /** The gate's comparison of any two, promoting neither. @throws CytoError MODEL_NOT_FOUND, VALIDATION_EMPTY */
  compare(candidate: string, active: string): Promise<GateReport>;
  /**
   * Loads, warms, tries on golden fields, exchanges between two frames in every worker, and writes it down.
   * @throws CytoError MODEL_NOT_FOUND, MODEL_INVALID, MODEL_SELF_TEST_FAILED, DETECTOR_CRASHED; then the old one serves on
   */
  promote(model: string, by: string, reason: string): Promise<Promotion>;
  /** One step back. @throws CytoError ROLLBACK_IMPOSSIBLE and those of `promote` */
  rollback(by: string): Promise<Promotion>;
  /** Newest first; with a time, what was in production then. */
  history(atMs?: number): Promise<readonly Promotion[]>;
  /** Told after each exchange. */
  onChange(listener: (promotion: Promotion) => void): () => void;
}
