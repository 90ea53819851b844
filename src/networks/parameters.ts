import { CytoError, type Random } from "../core/index.js";
import type { ParameterEntry, ParameterSetDefinition, ParameterState } from "../engine/index.js";
import { type Graph, Operators, type Value } from "../engine/onnx/index.js";

/** How a parameter starts. `fanIn` gives He's normal distribution for rectifiers (He et al. 2015). */
export type Initialiser =
  | { readonly kind: "fanIn"; readonly fanIn: number; readonly gain?: number }
  | { readonly kind: "normal"; readonly deviation: number }
  | { readonly kind: "constant"; readonly value: number };

/**
 * The parameters of one network while its graph is being built: each is a slice of one flat input vector, so that the
 * optimiser works on one long vector however many layers there are. Asking for a name again gives the same parameter; with
 * another shape it is an error.
 */
export class ParameterSet implements ParameterSetDefinition {
  readonly name: string;
  readonly entries: ParameterEntry[] = [];
  readonly statistics: { name: string; value: Value }[] = [];
  readonly input: Value;
  readonly #ops: Operators;
  readonly #initialisers: Initialiser[] = [];
  readonly #values = new Map<string, Value>();
  readonly #shape: number[] = [0];

  constructor(graph: Graph, name: string) {
    this.name = name;
    this.#ops = new Operators(graph);
    this.input = graph.input(name, "float32", this.#shape);
  }

  get length(): number {
    return this.#shape[0]!;
  }

  get statisticsLength(): number {
    return this.statistics.reduce((sum, { value }) => sum + Number(value.shape[0]), 0);
  }

  parameter(name: string, shape: readonly number[], initialiser: Initialiser, decays: boolean): Value {
    const known = this.#values.get(name);
    if (known) {
      if (known.shape.join() === shape.join()) return known;
      throw new CytoError(
        "INTERNAL",
        `The parameter ${name} [${known.shape.join(",")}] was asked for as [${shape.join(",")}]`,
      );
    }
    const offset = this.length;
    const length = shape.reduce((product, dim) => product * dim, 1);
    this.entries.push({ name, shape, offset, length, decays });
    this.#initialisers.push(initialiser);
    this.#shape[0] = offset + length;
    const flat = this.#ops.slice(this.input, [{ axis: 0, start: offset, end: offset + length }]);
    const value = shape.length === 1 ? flat : this.#ops.reshape(flat, shape);
    this.#values.set(name, value);
    return value;
  }

  /** Registers a batch statistic [C]; where a layer runs twice in one graph, the last run counts. */
  statistic(name: string, value: Value): void {
    const known = this.statistics.find((entry) => entry.name === name);
    if (known) known.value = value;
    else this.statistics.push({ name, value });
  }

  /** Fresh parameters, drawn in the order of the entries. */
  initialise(random: Random): ParameterState {
    const parameters = new Float32Array(this.length);
    this.entries.forEach((entry, index) => {
      const initialiser = this.#initialisers[index]!;
      for (let at = entry.offset; at < entry.offset + entry.length; at += 1) parameters[at] = draw(initialiser, random);
    });
    const statistics = new Float32Array(this.statisticsLength);
    let offset = 0;
    for (const { name, value } of this.statistics) {
      const length = Number(value.shape[0]);
      if (name.endsWith(".variance")) statistics.fill(1, offset, offset + length);
      offset += length;
    }
    return {
      parameters,
      firstMoment: new Float32Array(this.length),
      secondMoment: new Float32Array(this.length),
      average: parameters.slice(),
      statistics,
      steps: 0,
    };
  }
}

const draw = (initialiser: Initialiser, random: Random): number => {
  if (initialiser.kind === "constant") return initialiser.value;
  if (initialiser.kind === "normal") return random.normal() * initialiser.deviation;
  return random.normal() * Math.sqrt((initialiser.gain ?? 2) / initialiser.fanIn);
};

/** A trained network's tensors by name, for building an inference graph. */
export type Weights = ReadonlyMap<string, Float32Array>;

/** Splits flat vectors into tensors by name: the averaged parameters and the statistics. */
export const weightsOf = (
  set: ParameterSetDefinition,
  state: Pick<ParameterState, "average" | "statistics">,
): Weights => {
  const weights = new Map<string, Float32Array>();
  for (const entry of set.entries)
    weights.set(entry.name, state.average.subarray(entry.offset, entry.offset + entry.length));
  let offset = 0;
  for (const { name, value } of set.statistics) {
    const length = Number(value.shape[0]);
    weights.set(name, state.statistics.subarray(offset, offset + length));
    offset += length;
  }
  return weights;
};
