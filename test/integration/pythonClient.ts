import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { streamUrl } from "../publication/harness.js";
import { python } from "../requirements.js";
import type { DaemonProcess } from "./program.js";

/** Another implementation of WebSocket, written after docs/protocol.md alone: prints what it is told, message by message. */
const program = `
import asyncio, json, sys, websockets

async def main(url):
    async with websockets.connect(url) as stream:
        await stream.send(json.dumps({"type": "subscribe", "topics": ["counts"]}))
        try:
            async for text in stream:
                message = json.loads(text)
                if message["type"] != "counts":
                    print(json.dumps({"fields": -1}), flush=True)
                    continue
                print(json.dumps({
                    "fields": message["fields"]["counted"] + message["fields"]["repeated"] + message["fields"]["unplaced"],
                    "simulated": message["simulated"],
                    "classes": {row["class"]: row["count"] for row in message["classes"] if row["count"] > 0},
                }), flush=True)
        except websockets.ConnectionClosed:
            pass

asyncio.run(main(sys.argv[1]))
`;

export interface PythonCounts {
  /** Fields that were looked at; -1 for a message that is no counts. */
  readonly fields: number;
  readonly simulated: boolean;
  readonly classes: Readonly<Record<string, number>>;
}

/** A client in Python (package websockets) that has subscribed to counts. */
export class PythonClient implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  /** Counts that came, in their order. */
  readonly seen: PythonCounts[] = [];

  private constructor(daemon: DaemonProcess) {
    this.#child = spawn(python, ["-c", program, streamUrl(daemon)], { stdio: ["ignore", "pipe", "inherit"] });
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  /** Resolves when the daemon has answered it. */
  static async connect(daemon: DaemonProcess): Promise<PythonClient> {
    const client = new PythonClient(daemon);
    await client.where(() => true);
    return client;
  }

  /** The next counts, or the last that came, for which a condition holds. */
  async where(condition: (counts: PythonCounts) => boolean): Promise<PythonCounts> {
    for (let last = this.seen.at(-1); ; last = this.seen.at(-1)) {
      if (last !== undefined && condition(last)) return last;
      const line = await this.#lines.next();
      if (line.done === true) throw new Error("the client in Python has ended");
      this.seen.push(JSON.parse(line.value) as PythonCounts);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill("SIGKILL");
    await once(this.#child, "exit");
  }
}
