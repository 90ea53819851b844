import { type GraphNode, staticShape, type Value } from "./graph.js";
import type { Operators } from "./operators.js";

/** Gradient of the elements start (inclusive) to end (exclusive) of a vector. */
export interface GradientPiece {
  readonly start: number;
  readonly end: number;
  readonly gradient: Value;
}

/** The range of a slice of a vector with step 1, the form in which parameters are taken from their set's flat vector. */
export const vectorSlice = (ops: Operators, node: GraphNode): Omit<GradientPiece, "gradient"> | undefined => {
  const [x] = node.inputs;
  const step = ops.graph.constants.get(node.inputs[4]?.name ?? "")?.data[0];
  if (node.opType !== "Slice" || x?.shape.length !== 1 || Number(step) !== 1) return undefined;
  const start = Number(ops.graph.constants.get(node.inputs[1]!.name)!.data[0]);
  return { start, end: start + staticShape(node.outputs[0]!)[0]! };
};

/**
 * The gradients that a reverse sweep has found so far. Those of a vector's slices are kept apart and joined once: padding
 * each to the whole length and adding them up would pass over the whole vector for every parameter of a network.
 */
export class GradientSums {
  readonly #sums = new Map<string, Value>();
  readonly #pieces = new Map<string, GradientPiece[]>();

  constructor(private readonly ops: Operators) {}

  add(value: Value, gradient: Value): void {
    const before = this.#sums.get(value.name);
    this.#sums.set(value.name, before ? this.ops.add(before, gradient) : gradient);
  }

  addPiece(vector: Value, piece: GradientPiece): void {
    const known = this.#pieces.get(vector.name);
    if (known) known.push(piece);
    else this.#pieces.set(vector.name, [piece]);
  }

  /** The whole gradient by a value; asked for once nothing more will be added. */
  of(value: Value): Value | undefined {
    const pieces = this.#pieces.get(value.name) ?? [];
    this.#pieces.delete(value.name);
    for (const layer of disjointLayers(pieces)) this.add(value, this.#join(layer, staticShape(value)[0]!));
    return this.#sums.get(value.name);
  }

  /** [length], zeros where there is no piece. */
  #join(pieces: readonly GradientPiece[], length: number): Value {
    const parts: Value[] = [];
    const fill = (size: number) => {
      if (size > 0) parts.push(this.ops.graph.constant(new Float32Array(size), [size], "zeros"));
    };
    let end = 0;
    for (const piece of pieces) {
      fill(piece.start - end);
      parts.push(piece.gradient);
      end = piece.end;
    }
    fill(length - end);
    return parts.length === 1 ? parts[0]! : this.ops.concat(parts, 0);
  }
}

/** The pieces in order, overlapping ones in layers of their own. */
const disjointLayers = (pieces: readonly GradientPiece[]): GradientPiece[][] => {
  const layers: GradientPiece[][] = [];
  for (const piece of pieces.toSorted((a, b) => a.start - b.start)) {
    const free = layers.find((layer) => layer.at(-1)!.end <= piece.start);
    if (free) free.push(piece);
    else layers.push([piece]);
  }
  return layers;
};
