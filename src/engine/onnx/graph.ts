import { CytoError } from "../../core/index.js";

/** A dimension: a number, or a name where it is only known when the graph runs (inference models). */
export type Dim = number | string;
export type Shape = readonly Dim[];
export type ElementType = "float32" | "uint8" | "int32" | "int64" | "bool" | "int8";

/** A tensor in the graph: the output of a node, an input or a constant. */
export interface Value {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: Shape;
}

export type AttributeValue = number | string | readonly number[] | { readonly float: number };
export type ConstantData = Float32Array | Uint8Array | Int8Array | Int32Array | BigInt64Array;

export interface GraphNode {
  readonly opType: string;
  /** "" for the ONNX domain, "com.microsoft" for onnxruntime's own. */
  readonly domain: string;
  readonly inputs: readonly (Value | undefined)[];
  readonly outputs: readonly Value[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

export interface Constant {
  readonly value: Value;
  readonly data: ConstantData;
}

/** Gradient of a composite: from the gradients of its outputs to those of its inputs (undefined: none). */
export type CompositeGradient = (outputGradients: readonly (Value | undefined)[]) => readonly (Value | undefined)[];

/** Several nodes that autodiff treats as one, because a closed form of the gradient is cheaper. */
export interface Composite {
  readonly firstNode: number;
  readonly endNode: number;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly gradient: CompositeGradient;
}

/**
 * A directed acyclic graph of plain ONNX operators under construction. Nodes are kept in the order in which they were
 * added, which is a topological order. Operators with their shape rules are in `operators.ts`.
 */
export class Graph {
  readonly name: string;
  readonly inputs: Value[] = [];
  readonly outputs: { readonly name: string; readonly value: Value }[] = [];
  readonly nodes: GraphNode[] = [];
  readonly constants = new Map<string, Constant>();
  readonly composites: Composite[] = [];
  #counter = 0;
  readonly #scalars = new Map<string, Value>();

  constructor(name: string) {
    this.name = name;
  }

  input(name: string, type: ElementType, shape: Shape): Value {
    if (this.inputs.some((input) => input.name === name)) {
      throw new CytoError("INTERNAL", `Graph ${this.name} has an input ${name} already`);
    }
    const value: Value = { name, type, shape };
    this.inputs.push(value);
    return value;
  }

  output(name: string, value: Value): void {
    if ([...this.inputs, ...this.outputs].some((known) => known.name === name)) {
      throw new CytoError("INTERNAL", `Graph ${this.name} has an input or output ${name} already`);
    }
    this.outputs.push({ name, value });
  }

  constant(data: ConstantData, shape: readonly number[], hint = "constant"): Value {
    const length = shape.reduce((product, dim) => product * dim, 1);
    if (length !== data.length) {
      throw new CytoError("INTERNAL", `Constant of shape [${shape.join(",")}] has ${data.length} elements`);
    }
    const value: Value = { name: this.#fresh(hint), type: elementTypeOf(data), shape };
    this.constants.set(value.name, { value, data });
    return value;
  }

  /** A float32 scalar, shared between its uses. */
  scalar(number: number): Value {
    return this.#shared(`f${number}`, () => this.constant(Float32Array.of(number), []));
  }

  /** A vector of int64, as shapes and axes are given; shared between its uses. */
  integers(numbers: readonly number[]): Value {
    return this.#shared(`i${numbers.join(",")}`, () =>
      this.constant(
        BigInt64Array.from(numbers, (n) => BigInt(n)),
        [numbers.length],
      ),
    );
  }

  node(
    opType: string,
    inputs: readonly (Value | undefined)[],
    outputs: readonly { readonly type: ElementType; readonly shape: Shape }[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    domain = "",
  ): Value[] {
    const values = outputs.map(({ type, shape }) => ({ name: this.#fresh(opType), type, shape }));
    this.nodes.push({ opType, domain, inputs, outputs: values, attributes });
    return values;
  }

  /** Adds the nodes that `build` adds and lets `gradient` stand for their gradient. */
  composite(
    inputs: readonly Value[],
    build: () => { outputs: readonly Value[]; gradient: CompositeGradient },
  ): readonly Value[] {
    const firstNode = this.nodes.length;
    const { outputs, gradient } = build();
    this.composites.push({ firstNode, endNode: this.nodes.length, inputs, outputs, gradient });
    return outputs;
  }

  /** Runs `build` and takes back what it added, so that one graph can be compiled more than once. */
  temporarily<Result>(build: () => Result): Result {
    const lists = [this.inputs, this.outputs, this.nodes, this.composites];
    const lengths = lists.map((list) => list.length);
    const [constants, scalars, counter] = [
      new Set(this.constants.keys()),
      new Set(this.#scalars.keys()),
      this.#counter,
    ];
    try {
      return build();
    } finally {
      lists.forEach((list, index) => {
        list.length = lengths[index]!;
      });
      for (const name of this.constants.keys()) if (!constants.has(name)) this.constants.delete(name);
      for (const key of this.#scalars.keys()) if (!scalars.has(key)) this.#scalars.delete(key);
      this.#counter = counter;
    }
  }

  #fresh(hint: string): string {
    this.#counter += 1;
    return `${hint}_${this.#counter}`;
  }

  #shared(key: string, make: () => Value): Value {
    const known = this.#scalars.get(key);
    if (known) return known;
    const value = make();
    this.#scalars.set(key, value);
    return value;
  }
}

/** A shape whose dimensions are all numbers. @throws CytoError INTERNAL where one is not known yet. */
export const staticShape = (value: Value): readonly number[] =>
  value.shape.map((dim) => {
    if (typeof dim !== "number")
      throw new CytoError("INTERNAL", `${value.name} needs a known shape, has [${value.shape.join(",")}]`);
    return dim;
  });

const elementTypeOf = (data: ConstantData): ElementType => {
  if (data instanceof Float32Array) return "float32";
  if (data instanceof Uint8Array) return "uint8";
  if (data instanceof Int8Array) return "int8";
  if (data instanceof Int32Array) return "int32";
  return "int64";
};
