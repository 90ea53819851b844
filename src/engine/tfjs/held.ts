import type { Tensor } from "@tensorflow/tfjs-core";
import type { TensorFlow } from "./library.js";

const toLast = [0, 2, 3, 1];
const toFirst = [0, 3, 1, 2];

/** Where the axes of [N,C,H,W] lie in [N,H,W,C]. */
export const lastAxis = (axis: number): number => toFirst[axis]!;

/**
 * A value of the graph while it is computed. The graph has its pictures as [N,C,H,W]; TensorFlow computes on [N,H,W,C], so
 * a picture stays in that order from one operator to the next and is turned only where an operator asks for it.
 * Tensors are kept beyond their scope until `dispose`.
 */
export class Held {
  readonly #tf: TensorFlow;
  /** Whether the value was made with its channels last. */
  readonly isLast: boolean;
  #plain: Tensor | undefined;
  #last: Tensor | undefined;

  private constructor(tf: TensorFlow, forms: { readonly plain?: Tensor; readonly last?: Tensor }) {
    this.#tf = tf;
    this.isLast = forms.last !== undefined;
    this.#plain = forms.plain && tf.keep(forms.plain);
    this.#last = forms.last && tf.keep(forms.last);
  }

  /** As the graph has it. */
  static plain(tf: TensorFlow, tensor: Tensor): Held {
    return new Held(tf, { plain: tensor });
  }

  /** A value [N,C,H,W] of the graph, given as [N,H,W,C]. */
  static last(tf: TensorFlow, tensor: Tensor): Held {
    return new Held(tf, { last: tensor });
  }

  get rank(): number {
    return (this.#plain ?? this.#last)!.rank;
  }

  plain(): Tensor {
    this.#plain ??= this.#tf.keep(turned(this.#tf, this.#last!, toFirst));
    return this.#plain;
  }

  /** [N,H,W,C]; values of lower rank as they broadcast against it, scalars as they are. */
  last(): Tensor {
    this.#last ??= this.#tf.keep(this.#tf.tidy(() => turned(this.#tf, asPicture(this.#tf, this.#plain!), toLast)));
    return this.#last;
  }

  /** The same tensors under a holder of their own, which may turn and dispose them as it likes. */
  shared(): Held {
    return this.#last && this.isLast
      ? Held.last(this.#tf, this.#last.clone())
      : Held.plain(this.#tf, this.#plain!.clone());
  }

  dispose(): void {
    this.#plain?.dispose();
    this.#last?.dispose();
    this.#plain = undefined;
    this.#last = undefined;
  }
}

const asPicture = (tf: TensorFlow, x: Tensor): Tensor =>
  x.rank === 0 || x.rank === 4 ? x : tf.reshape(x, [...new Array<number>(4 - x.rank).fill(1), ...x.shape]);

/** Transposed; where all elements stay in place, reshaped for nothing. */
const turned = (tf: TensorFlow, x: Tensor, order: readonly number[]): Tensor => {
  if (x.rank === 0) return x.clone();
  const shape = order.map((axis) => x.shape[axis]!);
  const moved = order.filter((axis) => x.shape[axis] !== 1);
  const inPlace = moved.every((axis, place) => place === 0 || axis > moved[place - 1]!);
  return inPlace ? tf.reshape(x, shape) : tf.transpose(x, [...order]);
};
