import { once } from "node:events";
import type { TestContext } from "vitest";
import { WebSocket } from "ws";
import {
  createPublication,
  type DecodedFrame,
  decodeFrameMessage,
  type Publication,
  type PublicationOptions,
  type ServerMessage,
  serverMessageSchema,
} from "../../src/publication/index.js";

export const healthy = { snapshot: () => ({ live: true, ready: true, reasons: [] }) };

/** A publication on a free port of loopback, closed when the test ends. */
export const openPublication = async (
  context: TestContext,
  options: Partial<PublicationOptions> = {},
): Promise<Publication> => {
  const publication = await createPublication({ port: 0, version: "0.0.0-test", health: healthy, ...options });
  context.onTestFinished(() => publication[Symbol.asyncDispose]());
  return publication;
};

export const streamUrl = ({ url }: { readonly url: string }): string => `${url.replace("http", "ws")}v1/stream`;

type OfType<Type extends ServerMessage["type"]> = Extract<ServerMessage, { type: Type }>;

/** A client over a real socket. Every message that arrives is checked against the schemas. */
export class TestClient {
  readonly socket: WebSocket;
  readonly #inbox: (ServerMessage | DecodedFrame)[] = [];
  #wake: (() => void) | undefined;
  closeCode: number | undefined;

  constructor(url: string, headers: Record<string, string> = {}) {
    this.socket = new WebSocket(url, { headers });
    this.socket.on("message", (data: Buffer, isBinary) => {
      this.#inbox.push(isBinary ? decodeFrameMessage(data) : serverMessageSchema.parse(JSON.parse(data.toString())));
      this.#wake?.();
    });
    this.socket.on("error", () => {});
    this.socket.on("close", (code) => {
      this.closeCode = code;
      this.#wake?.();
    });
  }

  send(message: unknown): void {
    this.socket.send(typeof message === "string" || Buffer.isBuffer(message) ? message : JSON.stringify(message));
  }

  /** The next message. */
  message(): Promise<ServerMessage | DecodedFrame> {
    return this.#take();
  }

  /** The next message of a type; those before it are passed over. */
  async next<Type extends ServerMessage["type"]>(type: Type): Promise<OfType<Type>> {
    for (;;) {
      const message = await this.#take();
      if ("type" in message && message.type === type) return message as OfType<Type>;
    }
  }

  /** The next message of `frames`. */
  async frame(): Promise<DecodedFrame> {
    for (;;) {
      const message = await this.#take();
      if ("header" in message) return message;
    }
  }

  /** The code with which the connection ends. */
  async closed(): Promise<number> {
    if (this.closeCode === undefined) await once(this.socket, "close");
    return this.closeCode ?? 0;
  }

  /** Messages that arrived up to the answer to a ping, the answer left out. */
  async settle(): Promise<(ServerMessage | DecodedFrame)[]> {
    this.send({ type: "ping", id: "settle" });
    const seen: (ServerMessage | DecodedFrame)[] = [];
    for (;;) {
      const message = await this.#take();
      if ("type" in message && message.type === "pong" && message.id === "settle") return seen;
      seen.push(message);
    }
  }

  async #take(): Promise<ServerMessage | DecodedFrame> {
    for (;;) {
      const message = this.#inbox.shift();
      if (message !== undefined) return message;
      if (this.closeCode !== undefined) throw new Error(`the connection was closed with ${this.closeCode}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** A connected client that has had its hello; cut off when the test ends. */
export const connect = async (
  context: TestContext,
  publication: Publication,
): Promise<{ client: TestClient; hello: OfType<"hello"> }> => {
  const client = new TestClient(streamUrl(publication));
  context.onTestFinished(() => client.socket.terminate());
  return { client, hello: await client.next("hello") };
};

/** Waits until a condition holds, looking again after each turn of the event loop; the test's own timeout bounds it. */
export const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise<void>((resolve) => setTimeout(resolve, 5));
};
