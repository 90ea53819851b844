import type { Held } from "./held.js";
import type { TensorFlow } from "./library.js";
import type { Instruction } from "./program.js";

/** One instruction while it is carried out. */
export interface Call {
  readonly tf: TensorFlow;
  readonly instruction: Instruction;
  readonly inputs: readonly (Held | undefined)[];
  /** The numbers of an input that is a constant: axes, starts, pads. */
  readonly integers: (input: number) => number[];
}

export type Operator = (call: Call) => readonly Held[];
