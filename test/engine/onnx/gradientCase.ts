import type { Random } from "../../../src/core/index.js";
import type { Operators, Value } from "../../../src/engine/onnx/index.js";
import { sizeOf } from "./runGraph.js";

/**
 * How an input is drawn. Kinks (zeros of rectifiers, ties of maxima) must lie further off than the finite differences
 * reach: `apart` gives odd multiples of 0.1, `between` even ones, both without repetition.
 */
export type Draw = "normal" | "positive" | "apart" | "between";

export interface CaseInput {
  readonly dims: readonly number[];
  readonly draw?: Draw;
}

/** One use of an operator whose gradient is checked. */
export interface GradientCase {
  readonly title: string;
  /** Key of gradientRules; a node of this type must be in the graph. */
  readonly operator: string;
  readonly inputs: readonly CaseInput[];
  readonly build: (ops: Operators, inputs: readonly Value[]) => Value;
}

export const drawValues = ({ dims, draw = "normal" }: CaseInput, random: Random): Float32Array => {
  const length = sizeOf(dims);
  if (draw === "normal") return Float32Array.from({ length }, () => random.normal());
  if (draw === "positive") return Float32Array.from({ length }, () => 0.5 + random.next());
  const order = Array.from({ length }, (_, index) => index);
  for (let last = length - 1; last > 0; last -= 1) {
    const other = random.int(last + 1);
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
  const offset = draw === "apart" ? 0.1 : 0;
  return Float32Array.from(order, (place) => offset + 0.2 * (place - (length >> 1)));
};
