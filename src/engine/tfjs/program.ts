import { CytoError } from "../../core/index.js";
import type { AdamOptions, ParameterSetDefinition, TrainingProblem } from "../contract.js";
import {
  type AttributeValue,
  type Constant,
  type ConstantData,
  type ElementType,
  type Graph,
  type GraphNode,
  staticShape,
  type Value,
} from "../onnx/index.js";

/** An operator to be carried out. Plain data, so that it can be posted to a worker. */
export interface Instruction {
  readonly opType: string;
  readonly inputs: readonly (string | undefined)[];
  readonly outputs: readonly string[];
  /** Of the first output. */
  readonly shape: readonly number[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

export interface ProgramConstant {
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly data: ConstantData;
}

/** A stretch of a set's flat vector that is a value of the graph: what gradients are taken by. */
export interface Leaf {
  readonly value: string;
  readonly offset: number;
  readonly length: number;
}

export interface ProgramSet {
  readonly name: string;
  readonly length: number;
  readonly leaves: readonly Leaf[];
  /** Values of the batch statistics, in the order of the statistics vector. */
  readonly statistics: readonly string[];
  /** Stretches to which weight decay applies. */
  readonly decaying: readonly { readonly offset: number; readonly length: number }[];
}

export interface ProgramPlayer {
  readonly set: string;
  readonly loss: string;
  readonly optimiser: AdamOptions;
  readonly ratePart: number;
}

/** A training problem as the engine interprets it. */
export interface Program {
  readonly name: string;
  readonly instructions: readonly Instruction[];
  readonly constants: ReadonlyMap<string, ProgramConstant>;
  /** The graph's inputs other than parameters. */
  readonly feeds: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly sets: readonly ProgramSet[];
  readonly players: readonly ProgramPlayer[];
  readonly losses: Readonly<Record<string, string>>;
  readonly observations: Readonly<Record<string, string>>;
}

/** Batch normalisation with the batch's own statistics: (x, scale, bias) -> (output, mean, variance). */
export const batchNormalisation = "BatchNormalisation";

/** @throws CytoError INTERNAL where a player's loss does not depend on its parameters */
export const programOf = (problem: TrainingProblem): Program => {
  const { graph } = problem;
  const statistics = problem.players.flatMap(({ parameters }) => parameters.statistics.map(({ value }) => value));
  const results = [
    ...problem.players.map(({ loss }) => loss),
    ...Object.values(problem.losses),
    ...Object.values(problem.observations ?? {}),
    ...statistics,
  ];
  const sets = problem.parameterSets.map((set) => programSet(graph, set));
  const leaves = new Set(sets.flatMap((set) => set.leaves.map(({ value }) => value)));
  const instructions = neededFor(instructionsOf(graph), new Set(results.map(({ name }) => name))).filter(
    ({ outputs }) => !leaves.has(outputs[0]!),
  );
  const read = new Set(instructions.flatMap(({ inputs }) => inputs));
  const parameters = new Set(problem.parameterSets.map(({ input }) => input));
  const program: Program = {
    name: problem.name,
    instructions,
    constants: new Map([...graph.constants].filter(([name]) => read.has(name)).map(plainConstant)),
    feeds: graph.inputs
      .filter((input) => !parameters.has(input))
      .map((input) => ({ name: input.name, shape: staticShape(input) })),
    sets,
    players: problem.players.map(({ parameters: { name }, loss, optimiser, ratePart = 1 }) => {
      return { set: name, loss: loss.name, optimiser, ratePart };
    }),
    losses: namesOf(problem.losses),
    observations: namesOf(problem.observations ?? {}),
  };
  for (const player of program.players) requireDependence(program, player);
  return program;
};

const namesOf = (values: Readonly<Record<string, Value>>): Record<string, string> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value.name]));

const plainConstant = ([name, { value, data }]: [string, Constant]): [string, ProgramConstant] => [
  name,
  { type: value.type, shape: staticShape(value), data },
];

const plainNode = ({ opType, inputs, outputs, attributes }: GraphNode): Instruction => ({
  opType,
  inputs: inputs.map((input) => input?.name),
  outputs: outputs.map(({ name }) => name),
  shape: staticShape(outputs[0]!),
  attributes,
});

/** The nodes in their order; those of a batch normalisation as one. */
const instructionsOf = (graph: Graph): Instruction[] => {
  const instructions: Instruction[] = [];
  const composites = new Map(graph.composites.map((composite) => [composite.firstNode, composite]));
  for (let index = 0; index < graph.nodes.length; index += 1) {
    const composite = composites.get(index);
    const last = composite && graph.nodes[composite.endNode - 1];
    if (composite && last?.opType === "BatchNormalization") {
      const { inputs, outputs } = composite;
      instructions.push({
        opType: batchNormalisation,
        inputs: inputs.map(({ name }) => name),
        outputs: outputs.map(({ name }) => name),
        shape: staticShape(outputs[0]!),
        attributes: last.attributes,
      });
      index = composite.endNode - 1;
    } else instructions.push(plainNode(graph.nodes[index]!));
  }
  return instructions;
};

/** The instructions on which the wanted values depend. */
export const neededFor = (instructions: readonly Instruction[], wanted: ReadonlySet<string>): Instruction[] => {
  const needed = new Set(wanted);
  return instructions
    .toReversed()
    .filter(({ inputs, outputs }) => {
      if (!outputs.some((name) => needed.has(name))) return false;
      for (const input of inputs) if (input !== undefined) needed.add(input);
      return true;
    })
    .toReversed();
};

/** Names of the values that depend on one of those given, which are among them. */
export const dependents = (instructions: readonly Instruction[], given: Iterable<string>): ReadonlySet<string> => {
  const found = new Set(given);
  for (const { inputs, outputs } of instructions) {
    if (inputs.some((name) => name !== undefined && found.has(name))) for (const name of outputs) found.add(name);
  }
  return found;
};

const programSet = (graph: Graph, set: ParameterSetDefinition): ProgramSet => ({
  name: set.name,
  length: set.length,
  leaves: leavesOf(graph, set),
  statistics: set.statistics.map(({ value }) => value.name),
  decaying: set.entries.filter(({ decays }) => decays).map(({ offset, length }) => ({ offset, length })),
});

/** The slices of the flat vector by which the graph reads it; the whole vector where it is read otherwise, too. */
const leavesOf = (graph: Graph, { input, length }: ParameterSetDefinition): Leaf[] => {
  const readers = graph.nodes.filter((node) => node.inputs.includes(input));
  const leaves = readers.map((node) => leafOf(graph, node));
  const sorted = leaves.filter((leaf) => leaf !== undefined).sort((a, b) => a.offset - b.offset);
  const apart = sorted.every((leaf, at) => at === 0 || sorted[at - 1]!.offset + sorted[at - 1]!.length <= leaf.offset);
  return sorted.length === leaves.length && apart ? sorted : [{ value: input.name, offset: 0, length }];
};

const leafOf = (graph: Graph, { opType, inputs, outputs }: GraphNode): Leaf | undefined => {
  if (opType !== "Slice") return undefined;
  const [start, end, axis, step] = [1, 2, 3, 4].map((at) => Number(graph.constants.get(inputs[at]!.name)?.data[0]));
  if (axis !== 0 || step !== 1) return undefined;
  return { value: outputs[0]!.name, offset: start!, length: end! - start! };
};

const requireDependence = ({ instructions, sets }: Program, { set, loss }: ProgramPlayer): void => {
  const leaves = sets.find(({ name }) => name === set)?.leaves ?? [];
  const reached = dependents(
    instructions,
    leaves.map(({ value }) => value),
  );
  if (!reached.has(loss)) throw new CytoError("INTERNAL", `The loss ${loss} does not depend on ${set}`);
};
