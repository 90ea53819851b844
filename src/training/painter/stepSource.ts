import { CytoError, createRandom, type Random, type RandomState } from "../../core/index.js";
import type { SamplerState } from "../datasets/index.js";
import type { StepReport, StepSource } from "../trainer/index.js";
import type { PaintingSampler } from "./paintingBatches.js";
import type { PainterProblems } from "./problem.js";

interface SourceState {
  readonly sampler: SamplerState;
  readonly random: RandomState;
}

/** Batches of a sampler as alternating moves; noise and dropout have a generator of their own. */
export class PainterSource implements StepSource {
  readonly #random: Random;

  constructor(
    private readonly sampler: PaintingSampler,
    private readonly problems: Pick<PainterProblems, "moves">,
    seed: number,
  ) {
    this.#random = createRandom(seed).fork(1);
  }

  next(): ReturnType<StepSource["next"]> {
    return this.problems.moves(this.sampler.next(), this.#random);
  }

  state(): SourceState {
    return { sampler: this.sampler.state(), random: this.#random.state() };
  }

  restore(state: unknown): void {
    try {
      const { sampler, random } = state as SourceState;
      this.sampler.restore(sampler);
      this.#random.restore(random);
    } catch (error) {
      throw CytoError.from(error, "CHECKPOINT_INVALID");
    }
  }
}

/** When a discriminator knows too much to teach anything. */
export interface CollapseLimits {
  /** Gap between what it takes real and painted fields for, of the greatest possible. */
  readonly gap: number;
  /** Steps in a row. */
  readonly steps: number;
}

export const collapseLimits: CollapseLimits = { gap: 0.999, steps: 1000 };

/** Watches the discriminator: a loss of 0 for long is a game that is over. */
export class CollapseWatch {
  #steps = 0;

  constructor(
    private readonly realLabel: number,
    private readonly limits: CollapseLimits = collapseLimits,
  ) {}

  /**
   * Whether the players are still a match for each other.
   * @throws CytoError TRAINING_DIVERGED where they have not been for long
   */
  readonly isSound = ({ losses, steps }: Pick<StepReport, "losses" | "steps">): boolean => {
    const { "critic.real": real, "critic.painted": painted } = losses;
    if (real === undefined || painted === undefined) return true;
    const over = real - painted > this.limits.gap * this.realLabel;
    this.#steps = over ? this.#steps + 1 : 0;
    if (this.#steps >= this.limits.steps)
      throw new CytoError(
        "TRAINING_DIVERGED",
        `The discriminator has been at 0 for ${this.#steps} steps, at step ${steps}: it teaches the generator nothing`,
        { remedy: "Resume with a lower rate of the discriminator, or train on more fields." },
      );
    return !over;
  };
}
