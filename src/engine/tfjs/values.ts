import type { Tensor } from "@tensorflow/tfjs-core";
import { CytoError } from "../../core/index.js";
import type { Constants } from "./constants.js";
import { Held } from "./held.js";
import type { TensorFlow } from "./library.js";
import { operatorOf } from "./operators.js";
import type { Instruction } from "./program.js";

/** The values of a graph that have been computed, by name. */
export class Values {
  readonly #tf: TensorFlow;
  readonly #constants: Constants;
  readonly #held = new Map<string, Held>();

  constructor(tf: TensorFlow, constants: Constants) {
    this.#tf = tf;
    this.#constants = constants;
  }

  /** The tensor becomes this object's to dispose. */
  set(name: string, tensor: Tensor): void {
    this.#held.set(name, Held.plain(this.#tf, tensor));
  }

  /** @throws CytoError INTERNAL where there is no such value yet */
  get(name: string): Held {
    const known = this.#held.get(name);
    if (known) return known;
    const constant = this.#constants.tensor(name);
    if (!constant) throw new CytoError("INTERNAL", `The value ${name} is not there`);
    const held = Held.plain(this.#tf, constant.clone());
    this.#held.set(name, held);
    return held;
  }

  /**
   * Carries out instructions in their order. A value is let go behind the last instruction that reads it, unless it is
   * to stay or was there before.
   */
  run(instructions: readonly Instruction[], staying: ReadonlySet<string>): void {
    const before = new Set(this.#held.keys());
    const lastReader = new Map<string, number>();
    instructions.forEach(({ inputs, outputs }, index) => {
      for (const name of [...inputs, ...outputs]) if (name !== undefined) lastReader.set(name, index);
    });
    const endings = instructions.map((): string[] => []);
    for (const [name, index] of lastReader) if (!staying.has(name) && !before.has(name)) endings[index]!.push(name);
    instructions.forEach((instruction, index) => {
      this.#carryOut(instruction);
      for (const name of endings[index]!) this.#drop(name);
    });
  }

  /** The same values under holders of their own, to be disposed apart. */
  branch(): Values {
    const branch = new Values(this.#tf, this.#constants);
    for (const [name, held] of this.#held) branch.#held.set(name, held.shared());
    return branch;
  }

  dispose(): void {
    for (const held of this.#held.values()) held.dispose();
    this.#held.clear();
  }

  #carryOut(instruction: Instruction): void {
    const { inputs, outputs } = instruction;
    const operands = inputs.map((name) =>
      name === undefined || this.#constants.isList(name) ? undefined : this.get(name),
    );
    const integers = (index: number) => this.#constants.integers(inputs[index]);
    // What an operator holds outlives the scope; what it needed on the way does not.
    this.#tf.tidy(() => {
      const results = operatorOf(instruction)({ tf: this.#tf, instruction, inputs: operands, integers });
      outputs.forEach((name, index) => {
        this.#held.set(name, results[index]!);
      });
    });
  }

  #drop(name: string): void {
    this.#held.get(name)?.dispose();
    this.#held.delete(name);
  }
}
