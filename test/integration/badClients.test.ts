import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import { streamUrl, TestClient } from "../publication/harness.js";
import { type DaemonProcess, openDaemonProcess } from "./program.js";
import { subscribe } from "./streamClient.js";
import { openToySetting, type ToySetting } from "./toySetting.js";

// Daemons are started from source where nothing is built, and compiled on the way: slow on a busy machine.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

/** Clients that break the rules of a daemon at work, beside one that keeps them. */
describe("a client that misbehaves", () => {
  let toy: ToySetting;
  let daemon: DaemonProcess;
  let good: TestClient;

  beforeAll(async () => {
    toy = await openToySetting();
    const source = await toy.smears("smears", 4);
    daemon = await openDaemonProcess([
      ...toy.settings,
      ...["camera.name=folder", `camera.source=${source}`, "camera.options.repeat=true"],
      "camera.options.framesPerSecond=20",
    ]);
    good = await subscribe(daemon, "counts");
  });
  afterAll(async () => {
    await daemon?.[Symbol.asyncDispose]();
    await toy.remove();
  });

  /** The next counts must be the very next ones: nothing is lost for the client that keeps the rules. */
  const expectUnharmed = async (): Promise<void> => {
    await good.settle();
    const { sequence } = await good.next("counts");
    for (let i = 1; i <= 3; i++) expect((await good.next("counts")).sequence).toBe(sequence + i);
  };

  it.each([
    ["text that is no JSON", "{", "MESSAGE_NOT_JSON"],
    ["a list", "[1,2]", "MESSAGE_NOT_JSON"],
    ["an unknown type", '{"type":"launch"}', "MESSAGE_TYPE_UNKNOWN"],
    ["an unknown topic", '{"type":"subscribe","topics":["patients"]}', "MESSAGE_INVALID"],
    ["another's session", '{"type":"resume","session":"x","token":"y"}', "SESSION_UNKNOWN"],
  ])("%s: answered with a code, the connection stays", async (_what, text, code) => {
    const client = new TestClient(streamUrl(daemon));
    await client.next("hello");
    client.send(text);
    const error = await client.next("error");
    expect(error.code).toBe(code);
    expect(JSON.stringify(error)).not.toMatch(/\bat [A-Za-z.]+ \(|node_modules|\/src\//);
    client.send({ type: "ping", id: "still here" });
    expect((await client.next("pong")).id).toBe("still here");
    client.socket.terminate();
    await expectUnharmed();
  });

  it.each([
    ["more than 64 KiB", (socket: WebSocket) => socket.send("x".repeat(65_537)), 1009],
    ["binary", (socket: WebSocket) => socket.send(Buffer.alloc(100)), 1003],
    ["text that is not UTF-8", (socket: WebSocket) => socket.send(Buffer.from([0xff, 0xfe]), { binary: false }), 1007],
    [
      "a flood of messages",
      (socket: WebSocket) => {
        for (let i = 0; i < 2000; i++) socket.send('{"type":"ping"}');
      },
      1008,
    ],
    [
      "a flood of fragments",
      (socket: WebSocket) => {
        for (let i = 0; i < 1000; i++) socket.send("x", { fin: false });
      },
      1008,
    ],
  ])("%s: closed, and the other client is unharmed", async (_what, misbehave, code) => {
    const client = new TestClient(streamUrl(daemon));
    await client.next("hello");
    misbehave(client.socket);
    expect(await client.closed()).toBe(code);
    await expectUnharmed();
  });

  it("a page of another site: refused before there is a connection", async () => {
    const socket = new WebSocket(streamUrl(daemon), { origin: "https://elsewhere.example" });
    socket.on("error", () => {});
    const [, response] = (await once(socket, "unexpected-response")) as [unknown, IncomingMessage];
    expect(response.statusCode).toBe(403);
    socket.terminate();
    await expectUnharmed();
  });

  it("leaves a daemon that is ready, and whose log holds nothing that clients sent", async () => {
    expect((await daemon.get("/readyz")).status).toBe(200);
    const log = JSON.stringify(daemon.log);
    expect(log).not.toContain("launch");
    expect(log).not.toContain("patients");
    expect((await daemon.stop()).code).toBe(0);
  });
});
