import { once } from "node:events";
import { parentPort, workerData } from "node:worker_threads";
import { WebSocket } from "ws";
import { CytoError } from "../src/core/index.js";
import { clockMs } from "./clock.js";

/** The news of a field's cells as a client got them. */
export interface Arrival {
  /** Of the message: a jump is a message that was replaced by a newer one. */
  readonly sequence: number;
  readonly frame: number;
  /** Milliseconds since the epoch. */
  readonly capturedAtMs: number;
  /** Of `clockMs`. */
  readonly receivedAtMs: number;
}

/** Worker entry: a program that follows the counts, on a thread of its own as it would be on a machine of its own. */
const port = parentPort;
if (!port) throw new CytoError("INTERNAL", "the client was not started as a worker");

const socket = new WebSocket((workerData as { url: string }).url);
let arrivals: Arrival[] = [];

socket.on("message", (data: Buffer, isBinary) => {
  if (isBinary) return;
  const receivedAtMs = clockMs();
  const message = JSON.parse(data.toString()) as {
    type: string;
    sequence: number;
    field: { frame: number; capturedAtMs: number };
  };
  if (message.type !== "cells") return;
  const { frame, capturedAtMs } = message.field;
  arrivals.push({ sequence: message.sequence, frame, capturedAtMs, receivedAtMs });
});

port.on("message", (call: "take" | "close") => {
  if (call === "close") {
    socket.terminate();
    port.close();
    return;
  }
  port.postMessage(arrivals);
  arrivals = [];
});

await once(socket, "open");
socket.send(JSON.stringify({ type: "subscribe", topics: ["counts", "cells"] }));
port.postMessage("ready");
