/** What a training says of itself after a step. */
export interface ProgressReport {
  /** Steps done. */
  readonly steps: number;
  /** Part of the training that is done, in [0, 1]. */
  readonly done: number;
  /** Time since the start, earlier runs of a resumed training included. */
  readonly elapsedMs: number;
  readonly losses: Readonly<Record<string, number>>;
  readonly learningRate?: number | undefined;
}

/** Where progress is written: a terminal or anything else that takes text. */
export interface ProgressStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

export interface ProgressOptions {
  readonly stream: ProgressStream;
  /** JSON lines whatever the stream is. Default: where it is no terminal. */
  readonly json?: boolean | undefined;
  /** What is being done, in a word. Default `training`. */
  readonly label?: string | undefined;
  /** Least time between two JSON lines. Default 5000. */
  readonly everyMs?: number | undefined;
}

/** Shows how a training goes on: a bar on a terminal, JSON lines elsewhere. */
export interface Progress {
  update(report: ProgressReport): void;
  /** Something worth a line of its own, with facts for the JSON form. */
  note(text: string, facts?: Readonly<Record<string, unknown>>): void;
  /** Writes the last report in full; idempotent. */
  end(): void;
}

const redrawMs = 100;
/** Width of the bar where there is room, and on narrow terminals. */
const barWidths = { wide: 24, narrow: 12 };
const wideColumns = 100;
/** Weight of a new step in the shown loss and rate. */
const freshness = 0.02;

/** Duration in words, two units at most. */
export const formatDuration = (ms: number): string => {
  if (!Number.isFinite(ms)) return "?";
  const seconds = Math.max(Math.round(ms / 1000), 0);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
};

/** Three figures, without exponent where that stays short. */
export const formatFigure = (value: number): string => {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential(2) : String(Number(value.toPrecision(3)));
};

/** Running means of the losses and of the time a step takes. */
class Smoother {
  readonly losses = new Map<string, number>();
  stepMs: number | undefined;
  #count = 0;
  #last: ProgressReport | undefined;

  add(report: ProgressReport): void {
    // The plain mean at first, so that the first step does not linger.
    const weight = Math.max(freshness, 1 / ++this.#count);
    for (const [name, value] of Object.entries(report.losses)) {
      const before = this.losses.get(name);
      this.losses.set(name, before === undefined ? value : before + weight * (value - before));
    }
    const last = this.#last;
    this.#last = report;
    if (!last || report.steps <= last.steps) return;
    const stepMs = (report.elapsedMs - last.elapsedMs) / (report.steps - last.steps);
    this.stepMs =
      this.stepMs === undefined
        ? stepMs
        : this.stepMs + Math.max(freshness, 1 / (this.#count - 1)) * (stepMs - this.stepMs);
  }
}

/** Time left if the rest goes like the part of this run that is behind; undefined before there is one. */
class Remaining {
  #first: ProgressReport | undefined;

  ms(report: ProgressReport): number | undefined {
    this.#first ??= report;
    const progressed = report.done - this.#first.done;
    if (report.done >= 1) return 0;
    if (progressed <= 0) return undefined;
    return ((report.elapsedMs - this.#first.elapsedMs) * (1 - report.done)) / progressed;
  }
}

abstract class BaseProgress implements Progress {
  protected readonly smooth = new Smoother();
  protected readonly remaining = new Remaining();
  protected last: ProgressReport | undefined;
  #shownMs = Number.NEGATIVE_INFINITY;
  #ended = false;

  constructor(
    protected readonly stream: ProgressStream,
    protected readonly label: string,
    private readonly everyMs: number,
  ) {}

  update(report: ProgressReport): void {
    this.smooth.add(report);
    this.last = report;
    const leftMs = this.remaining.ms(report);
    if (report.elapsedMs - this.#shownMs < this.everyMs && report.done < 1) return;
    this.#shownMs = report.elapsedMs;
    this.show(report, leftMs);
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.last) this.finish(this.last);
  }

  abstract note(text: string, facts?: Readonly<Record<string, unknown>>): void;
  protected abstract show(report: ProgressReport, leftMs: number | undefined): void;
  protected abstract finish(report: ProgressReport): void;
}

const clearLine = "\r\u001b[K";

class BarProgress extends BaseProgress {
  #line = "";

  note(text: string): void {
    this.stream.write(`${clearLine}${text}\n${this.#line}`);
  }

  protected show(report: ProgressReport, leftMs: number | undefined): void {
    const columns = this.stream.columns ?? 80;
    const barWidth = columns >= wideColumns ? barWidths.wide : barWidths.narrow;
    const filled = Math.floor(Math.min(Math.max(report.done, 0), 1) * barWidth);
    const bar = `${"█".repeat(filled)}${"░".repeat(barWidth - filled)}`;
    const losses = [...this.smooth.losses].map(([name, value]) => `${name} ${formatFigure(value)}`);
    const { stepMs } = this.smooth;
    const parts = [
      `${this.label} ${bar} ${Math.floor(100 * report.done)} %`,
      `step ${report.steps}`,
      ...losses,
      stepMs === undefined || stepMs <= 0 ? "" : `${formatFigure(1000 / stepMs)} steps/s`,
      leftMs === undefined ? "" : `${formatDuration(leftMs)} left`,
    ];
    const line = parts.filter((part) => part !== "").join("  ");
    // One column stays free: a full last column would wrap the line on some terminals.
    this.#line = line.slice(0, Math.max(columns - 1, 1));
    this.stream.write(clearLine + this.#line);
  }

  protected finish(report: ProgressReport): void {
    this.show(report, undefined);
    this.stream.write("\n");
    this.#line = "";
  }
}

const rounded = (value: number): number => Number(value.toPrecision(6));

class JsonProgress extends BaseProgress {
  #written: ProgressReport | undefined;

  note(text: string, facts: Readonly<Record<string, unknown>> = {}): void {
    this.#write({ type: "note", label: this.label, text, ...facts });
  }

  protected show(report: ProgressReport, leftMs: number | undefined): void {
    this.#written = report;
    const { stepMs, losses } = this.smooth;
    this.#write({
      type: "progress",
      label: this.label,
      steps: report.steps,
      done: rounded(report.done),
      elapsedMs: Math.round(report.elapsedMs),
      losses: Object.fromEntries([...losses].map(([name, value]) => [name, rounded(value)])),
      ...(report.learningRate === undefined ? {} : { learningRate: rounded(report.learningRate) }),
      ...(stepMs === undefined || stepMs <= 0 ? {} : { stepsPerSecond: rounded(1000 / stepMs) }),
      ...(leftMs === undefined ? {} : { leftMs: Math.round(leftMs) }),
    });
  }

  protected finish(report: ProgressReport): void {
    if (this.#written !== report) this.show(report, this.remaining.ms(report));
  }

  #write(value: Record<string, unknown>): void {
    this.stream.write(`${JSON.stringify(value)}\n`);
  }
}

/** Progress with loss (a running mean), rate and time left: a bar on a terminal, JSON lines elsewhere. */
export const createProgress = ({ stream, json, label = "training", everyMs = 5000 }: ProgressOptions): Progress =>
  (json ?? stream.isTTY !== true) ? new JsonProgress(stream, label, everyMs) : new BarProgress(stream, label, redrawMs);
