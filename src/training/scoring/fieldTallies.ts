import type { FieldTally } from "../../registry/index.js";
import type { ClassDepth, FieldResult } from "./matching.js";
import { type Protocol, scoreProtocol } from "./protocols.js";

/**
 * Fields scored one by one, as the gate compares models: cells, missed and falsely found, by class. By either protocol the number
 * of cells follows from the labels alone, so that the tallies of two models can be paired.
 */
export const fieldTallies = (
  results: readonly FieldResult[],
  protocol: Protocol,
  depth: ClassDepth,
): readonly FieldTally[] =>
  results.map((result) => {
    const { classes } = scoreProtocol([result], protocol, { depth });
    const named = Object.entries(classes).map(([name, { T, M, e }]) => [name, { T, M, e }] as const);
    return { id: result.truth.id, classes: Object.fromEntries(named) };
  });
