import type { ClientMessage, FrameHeader, ServerMessage, Topic } from "../../publication/index.js";

/** How the page stands with the daemon. */
export type Connection =
  | { readonly phase: "connecting"; readonly attempt: number }
  /** `resumed` went on where it was, `restarted` found a daemon that has begun anew. */
  | { readonly phase: "live"; readonly how: "new" | "resumed" | "restarted"; readonly missed: number }
  | { readonly phase: "waiting"; readonly attempt: number; readonly retryAtMs: number };

export interface FrameParts {
  readonly header: FrameHeader;
  readonly picture: Blob;
  readonly density: Blob | undefined;
}

export interface StreamHandlers {
  onConnection(connection: Connection): void;
  onMessage(message: ServerMessage): void;
  onFrame(frame: FrameParts): void;
}

export interface FrameWishes {
  /** Whether pictures are wanted at all. */
  readonly shown: boolean;
  readonly maxWidth: number;
  readonly density: boolean;
}

interface Session {
  readonly id: string;
  readonly token: string;
  readonly run: string;
}

type Subscribe = Extract<ClientMessage, { type: "subscribe" }>;
type SubscribeWishes = Omit<Subscribe, "options"> & {
  readonly options: {
    readonly frames: Omit<FrameWishes, "shown"> & { readonly maxRateHz: number; readonly cells: boolean };
  };
};
type Sent = Exclude<ClientMessage, Subscribe> | SubscribeWishes;
/** A message that the daemon answers by its id. */
export type Command = Extract<ClientMessage, { type: "microscope" }>;

const pingIntervalMs = 4000;
const silenceLimitMs = 10_000;
const firstDelayMs = 500;
const maxDelayMs = 10_000;
const pictureRateHz = 8;

/** A message of `frames`: length of the header, header, picture, density map. */
const parseFrame = (buffer: ArrayBuffer): FrameParts => {
  const pictureAt = 4 + new DataView(buffer).getUint32(0);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, pictureAt - 4))) as FrameHeader;
  const densityAt = pictureAt + header.picture.bytes;
  return {
    header,
    picture: new Blob([new Uint8Array(buffer, pictureAt, header.picture.bytes)], { type: "image/jpeg" }),
    density:
      header.density === undefined ? undefined : new Blob([new Uint8Array(buffer, densityAt)], { type: "image/png" }),
  };
};

/** The connection to the daemon: comes back by itself, and resumes where it can. */
export class Stream {
  readonly #url: string;
  readonly #handlers: StreamHandlers;
  #wishes: FrameWishes;
  #socket: WebSocket | undefined;
  #session: Session | undefined;
  /** That of the present connection, while the earlier one is being resumed. */
  #offered: Session | undefined;
  #offeredTopics: readonly Topic[] = [];
  #last: Partial<Record<Topic, number>> = {};
  #attempt = 0;
  #heardAtMs = 0;
  #retry: number | undefined;
  readonly #pulse: number;
  readonly #asked = new Map<string, (answer?: ServerMessage) => void>();
  #closed = false;

  constructor(url: string, wishes: FrameWishes, handlers: StreamHandlers) {
    this.#url = url;
    this.#wishes = wishes;
    this.#handlers = handlers;
    this.#pulse = window.setInterval(() => this.#beat(), pingIntervalMs);
    this.#connect();
  }

  /** Changes what is wanted of the pictures. */
  wish(wishes: FrameWishes): void {
    this.#wishes = wishes;
    if (this.#session !== undefined) this.#wishFrames();
  }

  #wishFrames(): void {
    this.#send(this.#wishes.shown ? this.#subscription(["frames"]) : { type: "unsubscribe", topics: ["frames"] });
  }

  /** The answer to a command, or undefined where the connection is not open, is lost, or brings none within `patienceMs`. */
  ask(command: Command, patienceMs: number): Promise<ServerMessage | undefined> {
    if (this.#socket?.readyState !== WebSocket.OPEN) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const settle = (answer?: ServerMessage): void => {
        window.clearTimeout(timer);
        this.#asked.delete(command.id);
        resolve(answer);
      };
      const timer = window.setTimeout(() => settle(), patienceMs);
      this.#asked.set(command.id, settle);
      this.#send(command);
    });
  }

  /** Tries again at once instead of when the delay is over. */
  retryNow(): void {
    if (this.#socket === undefined && !this.#closed) this.#connect();
  }

  close(): void {
    this.#closed = true;
    window.clearInterval(this.#pulse);
    window.clearTimeout(this.#retry);
    this.#socket?.close(1000);
  }

  #connect(): void {
    window.clearTimeout(this.#retry);
    this.#attempt++;
    this.#handlers.onConnection({ phase: "connecting", attempt: this.#attempt });
    const socket = new WebSocket(this.#url);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#heardAtMs = performance.now();
    socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      this.#heardAtMs = performance.now();
      if (typeof data !== "string") this.#frame(parseFrame(data));
      else this.#message(JSON.parse(data) as ServerMessage);
    };
    socket.onclose = () => this.#lost(socket);
  }

  #lost(socket: WebSocket): void {
    if (this.#socket !== socket || this.#closed) return;
    this.#socket = undefined;
    for (const settle of [...this.#asked.values()]) settle();
    const delayMs =
      Math.min(maxDelayMs, firstDelayMs * 2 ** Math.max(0, this.#attempt - 1)) * (0.75 + Math.random() / 2);
    this.#handlers.onConnection({ phase: "waiting", attempt: this.#attempt, retryAtMs: Date.now() + delayMs });
    this.#retry = window.setTimeout(() => this.#connect(), delayMs);
  }

  #message(message: ServerMessage): void {
    if ("id" in message && message.id !== undefined) this.#asked.get(message.id)?.(message);
    if (message.type === "hello") this.#greet(message);
    else if (message.type === "resumed") {
      const missed = message.topics.find(({ topic }) => topic === "counts")?.missed ?? 0;
      this.#live("resumed", missed);
      this.#wishFrames();
    } else if (message.type === "error" && message.code === "SESSION_UNKNOWN") {
      this.#session = this.#offered;
      this.#subscribeAnew("new");
    } else if ("sequence" in message) this.#last[message.type] = message.sequence;
    this.#handlers.onMessage(message);
  }

  #greet({ session, resumeToken, run, topics }: Extract<ServerMessage, { type: "hello" }>): void {
    this.#offeredTopics = topics;
    const before = this.#session;
    this.#offered = { id: session, token: resumeToken, run };
    if (before?.run !== run) {
      this.#session = this.#offered;
      this.#subscribeAnew(before === undefined ? "new" : "restarted");
      return;
    }
    this.#send({ type: "resume", session: before.id, token: before.token, lastSequence: this.#last });
  }

  #subscribeAnew(how: "new" | "restarted"): void {
    this.#last = {};
    const wanted = this.#offeredTopics.filter(
      (topic) => topic !== "cells" && (topic !== "frames" || this.#wishes.shown),
    );
    this.#send(this.#subscription(wanted));
    this.#live(how, 0);
  }

  #live(how: "new" | "resumed" | "restarted", missed: number): void {
    this.#attempt = 0;
    this.#handlers.onConnection({ phase: "live", how, missed });
  }

  #frame(frame: FrameParts): void {
    this.#last.frames = frame.header.sequence;
    this.#handlers.onFrame(frame);
  }

  #subscription(topics: Topic[]): SubscribeWishes {
    const { maxWidth, density } = this.#wishes;
    return {
      type: "subscribe",
      topics,
      options: { frames: { maxWidth, density, maxRateHz: pictureRateHz, cells: true } },
    };
  }

  /** Notices a connection that is dead without having been closed. */
  #beat(): void {
    if (this.#socket === undefined) return;
    if (performance.now() - this.#heardAtMs > silenceLimitMs) {
      const socket = this.#socket;
      socket.onclose = null;
      socket.close();
      this.#lost(socket);
      return;
    }
    this.#send({ type: "ping" });
  }

  #send(message: Sent): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }
}
