import type { Tensor } from "@tensorflow/tfjs-core";
import { CytoError } from "../../core/index.js";
import type { TensorFlow } from "./library.js";
import type { ProgramConstant } from "./program.js";

/** A program's constants: tensors that stay from step to step, and the lists of integers that operators are told. */
export class Constants {
  readonly #constants: ReadonlyMap<string, ProgramConstant>;
  readonly #tensors = new Map<string, Tensor>();

  constructor(tf: TensorFlow, constants: ReadonlyMap<string, ProgramConstant>) {
    this.#constants = constants;
    for (const [name, { type, shape, data }] of constants) {
      if (type !== "int64") this.#tensors.set(name, tf.keep(tensorOf(tf, type, { shape, data })));
    }
  }

  /** Undefined for what is no constant or a list of integers. */
  tensor(name: string): Tensor | undefined {
    return this.#tensors.get(name);
  }

  isList(name: string): boolean {
    return this.#constants.get(name)?.type === "int64";
  }

  /** @throws CytoError INTERNAL where it is no constant */
  integers(name: string | undefined): number[] {
    const constant = name === undefined ? undefined : this.#constants.get(name);
    if (!constant) throw new CytoError("INTERNAL", `${name ?? "An input"} is not a constant`);
    return Array.from(constant.data as ArrayLike<number | bigint>, Number);
  }

  dispose(): void {
    for (const tensor of this.#tensors.values()) tensor.dispose();
    this.#tensors.clear();
  }
}

/** TensorFlow.js has no integers but int32. */
export const tensorOf = (
  tf: TensorFlow,
  type: ProgramConstant["type"],
  { shape, data }: Pick<ProgramConstant, "shape" | "data">,
): Tensor => {
  if (type === "float32") return tf.tensor(data as Float32Array, [...shape], "float32");
  return tf.tensor(new Int32Array(data as Exclude<typeof data, BigInt64Array>), [...shape], "int32");
};
