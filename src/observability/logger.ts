import pino from "pino";
import { type Clock, CytoError, systemClock } from "../core/index.js";
import { type LogDestination, standardError } from "./logDestination.js";
import { type LogEvent, type LogLevel, logEvents } from "./logEvents.js";
import { formatPretty } from "./prettyLog.js";
import { redactFields, redactText } from "./redaction.js";

export type LogFields = Readonly<Record<string, unknown>>;

/** The daemon's log: events of one table, never free text. Fields are redacted. */
export interface Logger {
  /** Logs `event` at the table's level. An `error` field is written as code, message and, below `debug`, its stack. */
  event(event: LogEvent, fields?: LogFields): void;
  /** For hot paths: at most one line per event and interval; the next line says how many were held back. */
  limited(event: LogEvent, fields?: LogFields): void;
  /** A logger that adds `fields` to each line; it shares the limits. */
  with(fields: LogFields): Logger;
  /** Writes out what is buffered, before the process exits; gives up after a moment where nobody reads it. */
  flush(): Promise<void>;
}

export interface LoggerOptions {
  readonly level: LogLevel | "silent";
  /** Lines for people instead of JSON. */
  readonly pretty: boolean;
  /** Interval of `limited`, ms. */
  readonly limitIntervalMs?: number;
  readonly destination?: LogDestination;
  readonly clock?: Clock;
}

const describeError = (error: unknown, withStack: boolean): Record<string, unknown> => {
  const known = CytoError.from(error);
  const stack = (error instanceof Error ? error : known).stack;
  return {
    code: known.code,
    message: redactText(known.message),
    ...(Object.keys(known.context).length === 0 ? {} : { context: redactFields(known.context) }),
    ...(known.cause instanceof Error ? { cause: redactText(known.cause.message) } : {}),
    ...(withStack && stack !== undefined ? { stack: redactText(stack) } : {}),
  };
};

interface Limit {
  untilMs: number;
  heldBack: number;
}

class PinoLogger implements Logger {
  constructor(
    readonly pinoLogger: pino.Logger,
    readonly shared: {
      readonly destination: LogDestination;
      readonly clock: Clock;
      readonly limitIntervalMs: number;
      readonly limits: Map<LogEvent, Limit>;
    },
  ) {}

  event(event: LogEvent, fields: LogFields = {}): void {
    const [level] = logEvents[event];
    if (!this.pinoLogger.isLevelEnabled(level)) return;
    const { error, ...rest } = fields;
    const withStack = level === "fatal" || this.pinoLogger.isLevelEnabled("debug");
    this.pinoLogger[level]({
      event,
      ...redactFields(rest),
      ...(error === undefined ? {} : { error: describeError(error, withStack) }),
    });
  }

  limited(event: LogEvent, fields: LogFields = {}): void {
    const nowMs = this.shared.clock.monotonic();
    const limit = this.shared.limits.get(event);
    if (limit !== undefined && nowMs < limit.untilMs) {
      limit.heldBack++;
      return;
    }
    const heldBack = limit?.heldBack ?? 0;
    this.shared.limits.set(event, { untilMs: nowMs + this.shared.limitIntervalMs, heldBack: 0 });
    this.event(event, heldBack === 0 ? fields : { ...fields, heldBack });
  }

  with(fields: LogFields): Logger {
    return new PinoLogger(this.pinoLogger.child(redactFields(fields)), this.shared);
  }

  async flush(): Promise<void> {
    await this.shared.destination.flush?.();
  }
}

const prettyDestination = (destination: LogDestination): LogDestination => ({
  write: (line) => destination.write(formatPretty(line)),
  flush: async () => destination.flush?.(),
});

/** A logger to standard error unless another destination is given; standard output is for results. */
export const createLogger = (options: LoggerOptions): Logger => {
  const raw = options.destination ?? standardError();
  const destination = options.pretty ? prettyDestination(raw) : raw;
  const clock = options.clock ?? systemClock;
  const pinoLogger = pino(
    {
      level: options.level,
      base: null,
      timestamp: () => `,"time":"${new Date(clock.now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  return new PinoLogger(pinoLogger, {
    destination,
    clock,
    limitIntervalMs: options.limitIntervalMs ?? 10_000,
    limits: new Map(),
  });
};
