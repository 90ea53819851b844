import {
  type CellClass,
  cellClasses,
  densityClasses,
  densityClassOf,
  differentialFive,
  isLeukocyteClass,
} from "../../core/index.js";
import { loadClassifierModel, loadDetectorModel } from "../../registry/index.js";
import type { LabelledField } from "../datasets/index.js";
import { type Candidates, findCandidates } from "../detector/chooseThresholds.js";
import {
  averagePrecision50,
  type FieldResult,
  type ProtocolScore,
  scoreLeukocytes,
  scoreProtocol,
  searchThresholds,
  type Thresholds,
} from "../scoring/index.js";

/** T, M, e and P of classes under both protocols, as `cytostream evaluate` has them. */
export interface ProtocolFigures {
  readonly raw: ProtocolScore;
  readonly fair: ProtocolScore;
}

export interface DetectionFigures {
  readonly fields: number;
  readonly thresholds: Thresholds;
  /** With leukocytes by class where the unit names them, else as `density`. */
  readonly named: ProtocolFigures;
  /** Red cells, leukocytes, platelets. */
  readonly density: ProtocolFigures;
  /** Average precision at IoU 0.5, percent, of red cells, leukocytes, platelets; it depends on no threshold. */
  readonly ap50: Readonly<Partial<Record<CellClass, number | null>>>;
  /** Part of the labelled cells of a class that were found and named rightly. */
  readonly recall: Readonly<Partial<Record<CellClass, number | null>>>;
  /** Mean of it over the classes of the differential. */
  readonly recallFive: number | null;
}

/** Findings that reach the threshold of their class. */
const kept = (results: readonly FieldResult[], thresholds: Thresholds): readonly FieldResult[] =>
  results.map(({ truth, found }) => ({
    truth,
    found: found.filter(({ confidence, cellClass }) => confidence >= thresholds[densityClassOf(cellClass)]),
  }));

/** Scores candidates at given thresholds. */
export const detectionFigures = (
  candidates: readonly FieldResult[],
  thresholds: Thresholds,
  named: boolean,
): DetectionFigures => {
  const results = kept(candidates, thresholds);
  const score = (depth: "named" | "density", classes: readonly CellClass[]): ProtocolFigures => ({
    raw: scoreProtocol(results, "raw", { depth, classes }),
    fair: scoreProtocol(results, "fair", { depth, classes }),
  });
  const labelled = new Set(candidates.flatMap(({ truth }) => truth.cells.map(({ cellClass }) => cellClass)));
  const classes = cellClasses.filter((name) => labelled.has(name));
  const density = score("density", densityClasses);
  const leukocytes = named ? scoreLeukocytes(results) : undefined;
  return {
    fields: candidates.length,
    thresholds,
    named: named ? score("named", classes) : density,
    density,
    ap50: averagePrecision50(candidates, densityClasses, "density").classes,
    recall: leukocytes?.recall ?? {},
    recallFive: leukocytes?.recallFive ?? null,
  };
};

export interface ScoreRequest {
  /** Folders of the models. */
  readonly detector: string;
  readonly cells?: string | undefined;
  /** Fields to score, and those on which thresholds are chosen; the same list where they are the same. */
  readonly fields: readonly LabelledField[];
  readonly thresholdFields: readonly LabelledField[];
  readonly threads?: number | undefined;
}

/**
 * Scores a detector, with its classifier where there is one, at the thresholds with the greatest P on the threshold fields.
 * @throws CytoError MODEL_NOT_FOUND, MODEL_INVALID, IMAGE_UNREADABLE, DETECTION_FAILED
 */
export const scoreDetection = async (request: ScoreRequest): Promise<DetectionFigures> => {
  const { fields, thresholdFields, threads } = request;
  const detector = await loadDetectorModel(request.detector);
  const classifier = request.cells === undefined ? undefined : await loadClassifierModel(request.cells);
  const search = (searched: readonly LabelledField[]): Promise<readonly Candidates[]> =>
    findCandidates(detector, searched, { classifier, provider: "cpu", threads });
  const candidates = await search(fields);
  const others = thresholdFields === fields ? candidates : await search(thresholdFields);
  return detectionFigures(candidates, searchThresholds(others), classifier !== undefined);
};

/** Mean recall over some classes; null where none of them has cells. */
export const meanRecallOf = (
  { recall }: Pick<DetectionFigures, "recall">,
  classes: readonly CellClass[],
): number | null => {
  const values = classes.flatMap((name) => recall[name] ?? []);
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
};

/** P1 to P6 of method.md's table 4: red cells, then the five leukocyte classes of the differential. */
export const paperClasses: readonly CellClass[] = ["erythrocyte", ...differentialFive.filter(isLeukocyteClass)];
