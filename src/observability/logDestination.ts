import { constants, fstatSync, openSync } from "node:fs";
import { isatty } from "node:tty";
import pino from "pino";

/** Where lines go: standard error or, in tests, memory. */
export interface LogDestination {
  write(line: string): void;
  /** Resolves when what was written is out, or given up. */
  flush?(): Promise<void>;
}

/** What may wait for a reader of the log that does not read; more is dropped rather than stalling the daemon. */
const maxBufferedBytes = 1024 * 1024;

/** How long the last lines may wait for a reader before the process ends without them. */
const flushTimeoutMs = 500;

const standardErrorFd = 2;

/**
 * A pipe or socket. Node makes it non-blocking, so that one that nobody reads keeps no thread waiting in the kernel, where
 * neither a signal nor an exit gets at it; what the reader does not take waits here. Once the reader is gone, lines are dropped.
 */
const streamDestination = (stream: NodeJS.WriteStream): LogDestination => {
  let lost = false;
  stream.on("error", () => {
    lost = true;
  });
  return {
    write: (line) => {
      if (!lost && stream.writableLength + line.length <= maxBufferedBytes) stream.write(line);
    },
    flush: async () => {
      if (lost || stream.writableLength === 0) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => {
          lost = true;
          resolve();
        }, flushTimeoutMs);
        // Called when all before it is out, and with an error when the reader is gone.
        stream.write("", () => {
          clearTimeout(timer);
          resolve();
        });
      });
    },
  };
};

/**
 * The descriptor of a file or terminal. A terminal whose output was stopped (Ctrl-S) would keep a writer waiting; opened anew it can be
 * non-blocking without being so for other processes (Linux).
 */
const openFileOrTerminal = (): number => {
  if (!isatty(standardErrorFd) || process.platform !== "linux") return standardErrorFd;
  try {
    return openSync(`/proc/self/fd/${standardErrorFd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return standardErrorFd;
  }
};

/** A file or terminal, written in the background. */
const fileDestination = (): LogDestination => {
  let deadlineMs = Number.POSITIVE_INFINITY;
  let lost = false;
  const limitWait = (): void => {
    deadlineMs = performance.now() + flushTimeoutMs;
  };
  // pino flushes at the exit: it registers for it after this.
  process.once("exit", limitWait);
  const stream = pino.destination({
    dest: openFileOrTerminal(),
    sync: false,
    maxLength: maxBufferedBytes,
    retryEAGAIN: () => !lost && performance.now() < deadlineMs,
  });
  const lose = (): void => {
    lost = true;
    stream.destroy();
  };
  stream.on("error", lose);
  return {
    write: (line) => {
      if (!lost) stream.write(line);
    },
    flush: async () => {
      if (lost) return;
      limitWait();
      try {
        stream.flushSync();
      } catch {
        lose();
      } finally {
        deadlineMs = Number.POSITIVE_INFINITY;
      }
    },
  };
};

/** Windows has no non-blocking pipes for Node: there they are written in the background like files. */
const isPipe = (): boolean => {
  const kind = fstatSync(standardErrorFd);
  return process.platform !== "win32" && (kind.isFIFO() || kind.isSocket());
};

let shared: LogDestination | undefined;

/** Standard error, one for all loggers of the process. A log that nobody reads neither stalls the daemon nor keeps it from ending. */
export const standardError = (): LogDestination => {
  shared ??= isPipe() ? streamDestination(process.stderr) : fileDestination();
  return shared;
};
