import { setTimeout as delay } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { SerialPort } from "serialport";
import { CytoError } from "../../src/core/index.js";
import { Debts } from "./debts.js";
import type { Exchange, Reading } from "./exchange.js";
import { type Framing, LineSplitter } from "./lines.js";

export interface LinkOptions {
  readonly source: string | undefined;
  readonly baudRate: number;
  readonly stopBits?: 1 | 2;
  readonly framing: Framing;
  readonly replyTimeoutMs: number;
  readonly signal: AbortSignal;
}

interface Waiting {
  /**
   * @param late whether the line may be the late reply to an earlier request
   * @returns whether the line was a reply, and is used up
   */
  take(line: string, late: boolean): boolean;
  fail(error: CytoError): void;
}

const portError = (source: string, cause: Error): CytoError => {
  const text = cause.message;
  const options = { cause, context: { source } };
  if (/no such file|not found|ENOENT|ENXIO|no such device/i.test(text))
    return new CytoError("STAGE_PORT_NOT_FOUND", `There is no port ${source}.`, options);
  if (/permission|EACCES|EPERM|access denied/i.test(text))
    return new CytoError("STAGE_PORT_DENIED", `The port ${source} may not be opened.`, options);
  if (/lock|busy|temporarily unavailable|EBUSY|EAGAIN/i.test(text))
    return new CytoError("STAGE_PORT_BUSY", `Another program uses the port ${source}.`, options);
  return new CytoError("STAGE_PORT_NOT_FOUND", `The port ${source} cannot be opened: ${text}`, options);
};

const openPort = (path: string, { baudRate, stopBits = 1 }: LinkOptions): Promise<SerialPort> =>
  new Promise((resolve, reject) => {
    const port = new SerialPort({ path, baudRate, stopBits, dataBits: 8, parity: "none", autoOpen: false });
    port.open((error) => (error ? reject(portError(path, error)) : resolve(port)));
  });

/** A port that was closed is free when its last write has ended too, which may take this long. */
const freeMs = 1000;
const busyPollMs = 50;

/** Opens a port; one that is in use is tried again for a moment. */
const openFreePort = async (path: string, options: LinkOptions): Promise<SerialPort> => {
  const untilMs = performance.now() + freeMs;
  for (;;) {
    try {
      return await openPort(path, options);
    } catch (error) {
      const isBusy = error instanceof CytoError && error.code === "STAGE_PORT_BUSY";
      if (!isBusy || performance.now() > untilMs) throw error;
      await delay(busyPollMs, undefined, { signal: options.signal });
    }
  }
};

/** Reads until two readings in a row are the same; the last of some where none are, as of what is moved by hand. */
export async function agreed<T>(read: () => Promise<T>): Promise<T> {
  let before = await read();
  for (let tries = 0; tries < 6; tries++) {
    const now = await read();
    if (isDeepStrictEqual(before, now)) return now;
    before = now;
  }
  return before;
}

/** A serial port with requests and replies. One request at a time; a halt overtakes those that wait. */
export class Link implements AsyncDisposable {
  /** What came last that no request claimed: tells what else is on the port. */
  #stray = "";
  readonly #port: SerialPort;
  readonly #splitter: LineSplitter;
  readonly #options: LinkOptions;
  readonly #waiting = new Set<Waiting>();
  readonly #debts = new Debts();
  #queue: Promise<unknown> = Promise.resolve();
  #closing = false;
  #closed: Promise<void> | undefined;
  #lost: CytoError | undefined;
  #repliedAtMs = 0;
  #heardAtMs = 0;
  #usualReplyMs = 0;
  /** Set as soon as a halt is asked for: no command that moves is sent behind it. */
  held = false;
  onLost: (error: CytoError) => void = () => undefined;
  /** Told of each line that does not complete a reply: news that nobody asked for are among them. */
  onUnclaimed: (line: string) => void = () => undefined;

  private constructor(port: SerialPort, options: LinkOptions) {
    this.#port = port;
    this.#options = options;
    this.#splitter = new LineSplitter(options.framing);
    port.on("data", (bytes: Buffer) => this.#onData(bytes));
    port.on("error", (error: Error) => this.#onLost(error));
    port.on("close", (error: Error | null) => this.#onLost(error ?? undefined));
  }

  /** @throws CytoError STAGE_PORT_NOT_FOUND, STAGE_PORT_BUSY, STAGE_PORT_DENIED */
  static async open(options: LinkOptions): Promise<Link> {
    options.signal.throwIfAborted();
    if (options.source === undefined || options.source === "")
      throw new CytoError("STAGE_PORT_NOT_FOUND", "The stage needs a serial port: set `stage.source`.");
    const port = await openFreePort(options.source, options);
    const link = new Link(port, options);
    if (options.signal.aborted) {
      await link[Symbol.asyncDispose]();
      options.signal.throwIfAborted();
    }
    return link;
  }

  get source(): string {
    return this.#options.source ?? "";
  }

  /** Text that came unclaimed since the last request: printable, shortened. */
  get stray(): string {
    return this.#stray
      .replace(/[^\x20-\x7e]+/g, " ")
      .trim()
      .slice(0, 80);
  }

  get heardAnything(): boolean {
    return this.#stray !== "";
  }

  /** When the last reply came, by `performance.now()`. */
  get repliedAtMs(): number {
    return this.#repliedAtMs;
  }

  /** When anything came last, by `performance.now()`. */
  get heardAtMs(): number {
    return this.#heardAtMs;
  }

  /** What a reply usually takes, ms. */
  get usualReplyMs(): number {
    return this.#usualReplyMs;
  }

  /** Takes the controller for lost, though its port is there. */
  giveUp(error: CytoError): void {
    this.#lose(error);
  }

  /**
   * Asks, and reads the reply.
   * @throws CytoError STAGE_SILENT where none comes in time, STAGE_REFUSED or STAGE_ALARM in the controller's words, STAGE_DISCONNECTED
   */
  exchange<T>(exchange: Exchange<T>, timeoutMs = this.#options.replyTimeoutMs): Promise<T> {
    return this.#inTurn(() => this.#ask(exchange, timeoutMs));
  }

  /**
   * Sends what sets the stage in motion, unless `held` by the time that its turn comes.
   * @throws CytoError STAGE_STOPPED (nothing was sent), and those of `exchange`
   */
  setOut<T>(exchange: Exchange<T>, timeoutMs = this.#options.replyTimeoutMs): Promise<T> {
    return this.#inTurn(() => {
      this.#checkFree();
      return this.#ask(exchange, timeoutMs);
    });
  }

  /** The same of what is not answered. @throws CytoError STAGE_STOPPED (nothing was sent) */
  tellToSetOut(text: string): Promise<void> {
    return this.#inTurn(() => {
      this.#checkFree();
      return this.tellNow(text);
    });
  }

  /** A question, asked again where the reply was lost: asking moves nothing. */
  async ask<T>(exchange: Exchange<T>, times = 3): Promise<T> {
    for (let left = times; ; left--) {
      try {
        return await this.exchange(exchange);
      } catch (error) {
        if (left <= 1 || !(error instanceof CytoError) || error.code !== "STAGE_SILENT") throw error;
      }
    }
  }

  /** Asks of what stands still until two replies agree: most controllers' replies do not show that a digit was garbled on the way. */
  async askSurely<T>(exchange: Exchange<T>): Promise<T> {
    return agreed(() => this.ask(exchange));
  }

  /** Asks at once, before all that waits. */
  urgent<T>(exchange: Exchange<T>): Promise<T> {
    return this.#ask(exchange, this.#options.replyTimeoutMs);
  }

  /** Sends what is not answered, in turn. */
  tell(text: string | Uint8Array): Promise<void> {
    return this.#inTurn(() => this.tellNow(text));
  }

  /** Sends what is not answered, before all that waits. */
  tellNow(text: string | Uint8Array): Promise<void> {
    // A closed port would keep what is written for its next opening.
    if (this.#lost || this.#closing) return Promise.reject(this.#lost ?? this.#disconnected());
    return new Promise((resolve, reject) => {
      this.#port.write(typeof text === "string" ? Buffer.from(text, "latin1") : Buffer.from(text), (error) =>
        error ? reject(this.#onLost(error)) : resolve(),
      );
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(work);
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  #checkFree(): void {
    if (this.held) throw new CytoError("STAGE_STOPPED", "The move was halted before it began.");
  }

  async #close(): Promise<void> {
    this.#closing = true;
    this.#failAll(this.#disconnected());
    if (!this.#port.isOpen) return;
    // A halt may still be on its way out.
    await Promise.race([new Promise<void>((resolve) => this.#port.drain(() => resolve())), delay(200)]);
    await new Promise<void>((resolve) => this.#port.close(() => resolve()));
  }

  async #ask<T>({ text, read }: Exchange<T>, timeoutMs: number): Promise<T> {
    if (this.#lost || this.#closing) throw this.#lost ?? this.#disconnected();
    this.#stray = "";
    // What came before the request is no part of its reply.
    if (this.#waiting.size === 0) this.#splitter.forsake();
    const reply = this.#reply(read, timeoutMs);
    await Promise.all([this.tellNow(text), reply]);
    const reading = await reply;
    if ("value" in reading) return reading.value;
    throw new CytoError(reading.alarm ? "STAGE_ALARM" : "STAGE_REFUSED", `The controller says: ${reading.refused}.`, {
      context: { source: this.source, command: text.trim(), reply: reading.refused },
    });
  }

  /** What may be a late reply to an earlier request counts only where no other comes. */
  #reply<T>(read: Exchange<T>["read"], timeoutMs: number): Promise<Reading<T>> {
    return new Promise((resolve, reject) => {
      const lines: string[] = [];
      const askedAtMs = performance.now();
      let perhaps: Reading<T> | undefined;
      const end = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(waiting);
      };
      const settle = (reading: Reading<T>): void => {
        end();
        resolve(reading);
      };
      const waiting: Waiting = {
        take: (line, late) => {
          if (lines.push(line) > 200) lines.shift();
          const reading = read(lines);
          if (reading === undefined) return false;
          lines.length = 0;
          this.#repliedAtMs = performance.now();
          if (late && !("alarm" in reading && reading.alarm)) perhaps = reading;
          else {
            // What is given more time than others, as a search for switches, tells nothing of the usual.
            if (timeoutMs === this.#options.replyTimeoutMs)
              this.#usualReplyMs += (this.#repliedAtMs - askedAtMs - this.#usualReplyMs) / 8;
            settle(reading);
          }
          return true;
        },
        fail: (error) => {
          end();
          reject(error);
        },
      };
      const timer = setTimeout(() => {
        if (perhaps) {
          settle(perhaps);
          return;
        }
        this.#debts.add(read, lines);
        waiting.fail(this.#silent());
      }, timeoutMs);
      this.#waiting.add(waiting);
    });
  }

  #onData(bytes: Buffer): void {
    this.#heardAtMs = performance.now();
    this.#stray = (this.#stray + bytes.toString("latin1")).slice(-400);
    for (const line of this.#splitter.take(bytes)) {
      const late = this.#debts.pay(line);
      // The oldest first: replies come in the order of the requests.
      if (![...this.#waiting].some((waiting) => waiting.take(line, late))) this.onUnclaimed(line);
    }
  }

  #onLost(cause?: Error): CytoError {
    return this.#lose(this.#disconnected(cause));
  }

  /** @returns why it is lost: the first reason stays */
  #lose(reason: CytoError): CytoError {
    const error = this.#lost ?? reason;
    if (this.#closing || this.#lost) return error;
    this.#lost = error;
    this.#failAll(error);
    this.onLost(error);
    return error;
  }

  #failAll(error: CytoError): void {
    for (const waiting of [...this.#waiting]) waiting.fail(error);
  }

  #silent(): CytoError {
    return new CytoError("STAGE_SILENT", `The stage at ${this.source} does not answer.`, {
      context: { source: this.source, heard: this.stray },
    });
  }

  #disconnected(cause?: Error): CytoError {
    return new CytoError("STAGE_DISCONNECTED", `The port ${this.source} was closed.`, {
      cause,
      context: { source: this.source },
    });
  }
}
