import { z } from "zod";
import { CytoError } from "../../core/index.js";
import { type Journal, openJournal } from "../../store/index.js";
import type { TriggerDecision } from "./desk.js";

const decisionSchema = z.object({ atMs: z.number(), start: z.boolean(), reasons: z.array(z.string()) });

const kept = 200;

const isSame = (a: TriggerDecision | undefined, b: TriggerDecision): boolean =>
  a !== undefined && a.start === b.start && a.reasons.join("\n") === b.reasons.join("\n");

/** Asks the rule now and then, and remembers what it said. */
export interface RuleWatch extends AsyncDisposable {
  /** Asks at once; where the rule says so, begins a training. Asked again meanwhile, it is the same asking. */
  ask(): Promise<TriggerDecision>;
  /** Newest first; of equal ones in a row the first. */
  decisions(): readonly TriggerDecision[];
}

export interface RuleWatchOptions {
  /** Where decisions are kept. */
  readonly path: string;
  readonly decide: () => Promise<TriggerDecision>;
  /** Begins a training; the text is why. */
  readonly begin: (reason: string) => Promise<unknown>;
  readonly everyMs: number;
  /** Told of what went wrong while asking or beginning; the watch goes on. */
  readonly onError: (error: CytoError) => void;
}

class JournalledWatch implements RuleWatch {
  #timer: NodeJS.Timeout | undefined;
  #asking: Promise<TriggerDecision> | undefined;

  constructor(
    private readonly options: RuleWatchOptions,
    private readonly journal: Journal<TriggerDecision>,
  ) {
    this.#wait();
  }

  ask(): Promise<TriggerDecision> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  decisions(): readonly TriggerDecision[] {
    return this.journal.entries.slice(-kept).reverse();
  }

  async #ask(): Promise<TriggerDecision> {
    const decision = await this.options.decide();
    if (!isSame(this.journal.entries.at(-1), decision)) await this.journal.append(decision);
    if (decision.start) await this.options.begin(decision.reasons.join(" "));
    return decision;
  }

  #wait(): void {
    this.#timer = setTimeout(() => {
      this.ask()
        .catch((error: unknown) => this.options.onError(CytoError.from(error)))
        .finally(() => {
          if (this.#timer) this.#wait();
        });
    }, this.options.everyMs);
    this.#timer.unref();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#asking?.catch(() => undefined);
    await this.journal[Symbol.asyncDispose]();
  }
}

/** @throws CytoError STORE_FAILED, STORE_DAMAGED */
export const watchRule = async (options: RuleWatchOptions): Promise<RuleWatch> => {
  const journal = await openJournal(options.path, (value): TriggerDecision => decisionSchema.parse(value));
  return new JournalledWatch(options, journal);
};
