import { CytoError } from "../../core/index.js";
import { gradientRules } from "./gradientRules.js";
import { type GradientPiece, GradientSums, vectorSlice } from "./gradientSums.js";
import type { Graph, Value } from "./graph.js";
import { Operators } from "./operators.js";

/** One step of the reverse sweep: a node, or a composite that stands for several. */
interface Step {
  readonly inputs: readonly (Value | undefined)[];
  readonly outputs: readonly Value[];
  /** Which part of its first input the step takes, where it only takes a part of a vector. */
  readonly slice?: Omit<GradientPiece, "gradient"> | undefined;
  readonly differentiate: (
    outputGradients: readonly (Value | undefined)[],
    needed: readonly boolean[],
  ) => readonly (Value | undefined)[];
}

/**
 * Reverse-mode differentiation of a graph: adds the nodes that compute the gradient of a scalar.
 *
 * @param loss a float32 scalar of the graph
 * @param wanted values whose gradients are asked for; only the paths from them to the loss are differentiated, so a
 *   part that is not wanted is frozen and costs nothing
 * @returns one gradient per wanted value, of its shape
 * @throws CytoError INTERNAL where the loss does not depend on a wanted value, or an operator has no rule
 */
export const gradients = (graph: Graph, loss: Value, wanted: readonly Value[]): Value[] => {
  if (loss.type !== "float32" || loss.shape.length > 0) {
    throw new CytoError("INTERNAL", `The loss ${loss.name} is ${loss.type} [${loss.shape.join(",")}], not a scalar`);
  }
  const ops = new Operators(graph);
  const steps = collectSteps(graph, ops);
  const active = reachable(steps, wanted);
  const sums = new GradientSums(ops);
  sums.add(loss, graph.scalar(1));
  for (const step of steps.toReversed()) {
    const outputGradients = step.outputs.map((output) => sums.of(output));
    const needed = step.inputs.map((input) => input !== undefined && active.has(input.name));
    if (!needed.includes(true) || outputGradients.every((gradient) => gradient === undefined)) continue;
    if (step.slice) {
      sums.addPiece(step.inputs[0]!, { ...step.slice, gradient: outputGradients[0]! });
      continue;
    }
    const inputGradients = step.differentiate(outputGradients, needed);
    step.inputs.forEach((input, index) => {
      const gradient = inputGradients[index];
      if (!input || !gradient || !needed[index]) return;
      sums.add(input, gradient);
    });
  }
  return wanted.map((value) => {
    const gradient = sums.of(value);
    if (!gradient) throw new CytoError("INTERNAL", `The loss does not depend on ${value.name}`);
    return gradient;
  });
};

const collectSteps = (graph: Graph, ops: Operators): Step[] => {
  const steps: Step[] = [];
  // A composite within another is registered before it: the outer one overwrites or jumps over it.
  const composites = new Map(graph.composites.map((composite) => [composite.firstNode, composite]));
  for (let index = 0; index < graph.nodes.length; index += 1) {
    const next = composites.get(index);
    if (next && next.endNode > index) {
      steps.push({ inputs: next.inputs, outputs: next.outputs, differentiate: (outer) => next.gradient(outer) });
      index = next.endNode - 1;
      continue;
    }
    const node = graph.nodes[index]!;
    steps.push({
      inputs: node.inputs,
      outputs: node.outputs,
      slice: vectorSlice(ops, node),
      differentiate: (outer, needed) => {
        const rule = gradientRules[node.opType];
        if (!rule) throw new CytoError("INTERNAL", `Operator ${node.opType} has no gradient rule`);
        const gradient = outer[0];
        return gradient ? rule({ ops, node, output: node.outputs[0]!, gradient, needed }) : [];
      },
    });
  }
  return steps;
};

/** Names of the values that depend on a wanted one. */
const reachable = (steps: readonly Step[], wanted: readonly Value[]): Set<string> => {
  const active = new Set(wanted.map((value) => value.name));
  for (const step of steps) {
    if (step.inputs.some((input) => input && active.has(input.name) && input.type === "float32")) {
      for (const output of step.outputs) if (output.type === "float32") active.add(output.name);
    }
  }
  return active;
};
