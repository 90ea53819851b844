import type { Tensor, Tensor1D } from "@tensorflow/tfjs-core";
import type { Constants } from "./constants.js";
import type { TensorFlow } from "./library.js";
import { dependents, type Instruction, type Leaf, neededFor, type Program, type ProgramSet } from "./program.js";
import { Values } from "./values.js";

/** A program prepared for one player: what its parameters reach is differentiated, the rest is computed before. */
export interface PlayerPass {
  readonly set: ProgramSet | undefined;
  readonly loss: string | undefined;
  readonly frozen: readonly Instruction[];
  readonly moving: readonly Instruction[];
  /** Values that are read after the pass. */
  readonly results: ReadonlySet<string>;
}

const resultsOf = ({ losses, observations, players, sets }: Program): Set<string> => {
  const moving = sets.filter(({ name }) => players.some(({ set }) => set === name));
  const statistics = moving.flatMap((set) => set.statistics);
  return new Set([...Object.values(losses), ...Object.values(observations), ...statistics]);
};

/** One pass for each player, at least one. The program's results are computed in the first. */
export const passesOf = (program: Program): PlayerPass[] => {
  const { players, instructions } = program;
  if (players.length === 0) {
    return [{ set: undefined, loss: undefined, frozen: instructions, moving: [], results: resultsOf(program) }];
  }
  return players.map(({ set: name, loss }, index) => {
    const results = index === 0 ? resultsOf(program) : new Set<string>();
    results.add(loss);
    const set = program.sets.find((entry) => entry.name === name)!;
    const reached = dependents(
      instructions,
      set.leaves.map(({ value }) => value),
    );
    const needed = neededFor(instructions, results);
    const isMoving = ({ outputs }: Instruction) => outputs.some((output) => reached.has(output));
    const [frozen, moving] = [needed.filter((entry) => !isMoving(entry)), needed.filter(isMoving)];
    return { set, loss, frozen, moving, results };
  });
};

export interface PassInputs {
  readonly tf: TensorFlow;
  readonly constants: Constants;
  readonly feeds: ReadonlyMap<string, Tensor>;
  /** The flat vectors of all sets that the program reads. */
  readonly parameters: ReadonlyMap<string, Tensor1D>;
  readonly sets: readonly ProgramSet[];
}

/**
 * Takes one pass. `read` sees the pass's values before they are let go.
 *
 * @returns the gradient of the player's loss by its flat vector; undefined without a player
 */
export const takePass = (
  pass: PlayerPass,
  inputs: PassInputs,
  read: (values: Values) => void,
): Tensor1D | undefined => {
  const { tf, constants, feeds, parameters, sets } = inputs;
  const base = new Values(tf, constants);
  let branch: Values | undefined;
  try {
    for (const [name, tensor] of feeds) base.set(name, tensor.clone());
    for (const set of sets.filter((entry) => entry !== pass.set)) {
      for (const leaf of set.leaves) base.set(leaf.value, leafOf(tf, parameters.get(set.name)!, leaf));
    }
    const boundary = new Set([...pass.results, ...pass.moving.flatMap(({ inputs: names }) => names)]);
    base.run(pass.frozen, boundary as ReadonlySet<string>);
    const { set, loss } = pass;
    if (!set || loss === undefined) {
      read(base);
      return undefined;
    }
    const leaves = set.leaves.map((leaf) => leafOf(tf, parameters.get(set.name)!, leaf));
    const forward = (): Tensor => {
      branch = base.branch();
      for (const [index, { value }] of set.leaves.entries()) branch.set(value, leaves[index]!);
      branch.run(pass.moving, pass.results);
      return branch.get(loss).plain();
    };
    const { grads } = tf.engine().gradients(forward, leaves, undefined, true);
    read(branch!);
    return joined(tf, set, grads);
  } finally {
    branch?.dispose();
    base.dispose();
  }
};

const leafOf = (tf: TensorFlow, vector: Tensor1D, { offset, length }: Leaf): Tensor1D =>
  tf.slice(vector, offset, length);

/** The leaves' gradients as one flat vector; zeros where the loss does not depend on a stretch. */
const joined = (tf: TensorFlow, { leaves, length }: ProgramSet, grads: readonly (Tensor | undefined)[]): Tensor1D => {
  const parts: Tensor1D[] = [];
  let end = 0;
  const skip = (to: number): void => {
    if (to > end) parts.push(tf.zeros([to - end]));
    end = to;
  };
  leaves.forEach((leaf, index) => {
    const gradient = grads[index];
    if (!gradient) return;
    skip(leaf.offset);
    parts.push(tf.reshape(gradient, [leaf.length]));
    end += leaf.length;
  });
  skip(length);
  return tf.concat(parts);
};
