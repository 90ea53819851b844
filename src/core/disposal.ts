import { CytoError } from "./errors.js";

/** What a DisposalStack can own. */
export type Disposer = () => void | PromiseLike<void>;

/** One step of a disposal that threw or ran past its deadline. */
export interface DisposalFailure {
  readonly name: string;
  readonly error: CytoError;
}

export interface DisposalStackOptions {
  /** Deadline of each step unless the step brings its own. */
  readonly stepTimeoutMs?: number;
}

interface Step {
  readonly name: string;
  readonly dispose: Disposer;
  readonly timeoutMs: number;
}

const timedOut = Symbol("timed out");

const runStep = async (step: Step): Promise<CytoError | undefined> => {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<typeof timedOut>((resolve) => {
    timer = setTimeout(() => resolve(timedOut), step.timeoutMs);
  });
  try {
    const outcome = await Promise.race([(async () => step.dispose())(), deadline]);
    if (outcome !== timedOut) return undefined;
    return new CytoError("CLOSE_TIMEOUT", `closing ${step.name} took longer than ${step.timeoutMs} ms`, {
      context: { step: step.name, timeoutMs: step.timeoutMs },
    });
  } catch (error) {
    return CytoError.from(error);
  } finally {
    clearTimeout(timer);
  }
};

/**
 * Owner of resources: closes them in reverse order of their adoption, one after the other, each with a deadline; a step that
 * fails or hangs does not keep the others from closing. Disposal is idempotent: every call awaits the same closing.
 */
export class DisposalStack implements AsyncDisposable {
  readonly #steps: Step[] = [];
  readonly #stepTimeoutMs: number;
  #closing: Promise<readonly DisposalFailure[]> | undefined;

  constructor(options: DisposalStackOptions = {}) {
    this.#stepTimeoutMs = options.stepTimeoutMs ?? 5000;
  }

  get disposed(): boolean {
    return this.#closing !== undefined;
  }

  /**
   * Closes `resource` when the stack is closed, and returns it.
   * @throws CytoError INTERNAL when the stack is closed already; the caller still owns the resource then.
   */
  use<T extends AsyncDisposable | Disposable>(name: string, resource: T, timeoutMs = this.#stepTimeoutMs): T {
    const dispose: Disposer =
      Symbol.asyncDispose in resource ? () => resource[Symbol.asyncDispose]() : () => resource[Symbol.dispose]();
    this.defer(name, dispose, timeoutMs);
    return resource;
  }

  /**
   * Runs `dispose` when the stack is closed.
   * @throws CytoError INTERNAL when the stack is closed already
   */
  defer(name: string, dispose: Disposer, timeoutMs = this.#stepTimeoutMs): void {
    if (this.disposed) throw new CytoError("INTERNAL", `${name} was adopted by an owner that is closed`);
    this.#steps.push({ name, dispose, timeoutMs });
  }

  /** Closes everything, never rejects, and says what failed. */
  close(): Promise<readonly DisposalFailure[]> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  /** @throws CytoError the first failure; the others are in its context */
  async [Symbol.asyncDispose](): Promise<void> {
    const failures = await this.close();
    const first = failures[0];
    if (first === undefined) return;
    throw new CytoError(first.error.code, `closing ${first.name} failed: ${first.error.message}`, {
      cause: first.error,
      context: { failures: failures.map((failure) => ({ step: failure.name, code: failure.error.code })) },
    });
  }

  async #closeAll(): Promise<readonly DisposalFailure[]> {
    const failures: DisposalFailure[] = [];
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      const error = await runStep(step);
      if (error !== undefined) failures.push({ name: step.name, error });
    }
    return failures;
  }
}
