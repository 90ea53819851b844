import { type Cell, type Clock, CytoError } from "../core/index.js";
import { type FieldCell, type LabelDesk, measureDoubt } from "../labels/index.js";
import { keepField } from "./keepField.js";
import type { CountedFrame } from "./messages.js";

export interface ProposalsOptions {
  readonly labels: LabelDesk;
  readonly clock: Clock;
  /** 0: none. */
  readonly perHour: number;
  /** With so many proposed fields that nobody has looked at, no more are added. */
  readonly mostWaiting: number;
  readonly onError: (error: CytoError) => void;
}

const doubtful = ({ cellClass, box, confidence, leukocyteProbabilities }: Cell): FieldCell => ({
  ...{ cellClass, box, confidence },
  ...(leukocyteProbabilities ? { probabilities: leukocyteProbabilities } : {}),
});

/** Who proposed it, where it was no person. */
const author = "cytostream";
const hourMs = 3_600_000;

/**
 * Of the fields that pass, keeps the most doubtful one of each stretch of time for review. Simulated fields are left out: nothing is
 * to be learnt from them.
 */
export class Proposals {
  readonly #options: ProposalsOptions;
  #best: { readonly field: CountedFrame; readonly doubt: number } | undefined;
  #untilMs: number;
  #keeping: Promise<void> = Promise.resolve();

  constructor(options: ProposalsOptions) {
    this.#options = options;
    this.#untilMs = options.clock.monotonic() + this.#stretchMs;
  }

  get #stretchMs(): number {
    return hourMs / this.#options.perHour;
  }

  /** Looks at a field; at the end of a stretch its best one is kept, beside the flow. */
  see(field: CountedFrame): void {
    if (this.#options.perHour === 0 || field.frame.simulated) return;
    const doubt = measureDoubt(field.detection.cells.map(doubtful)).total;
    if (this.#best === undefined || doubt > this.#best.doubt) this.#best = { field, doubt };
    const nowMs = this.#options.clock.monotonic();
    if (nowMs < this.#untilMs) return;
    const { field: best } = this.#best;
    this.#best = undefined;
    this.#untilMs = nowMs + this.#stretchMs;
    this.#keeping = this.#keeping.then(() => this.#keep(best));
  }

  /** Resolves when what was chosen is kept. */
  settled(): Promise<void> {
    return this.#keeping;
  }

  async #keep(field: CountedFrame): Promise<void> {
    const { labels, mostWaiting, onError } = this.#options;
    try {
      const { fields } = await labels.stats();
      if (fields.proposed < mostWaiting) await keepField(labels, field, { author });
    } catch (error) {
      onError(CytoError.from(error));
    }
  }
}
