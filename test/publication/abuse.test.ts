import { connect as connectTcp } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { WebSocket } from "ws";
import { createPublication } from "../../src/publication/index.js";
import { clientMessageTypes } from "../../src/publication/protocol/clientMessages.js";
import { parseClientMessage } from "../../src/publication/protocol/parse.js";
import { connect, healthy, openPublication, streamUrl, TestClient, until } from "./harness.js";
import { sampleCellsInput, sampleCounts, sampleFrameInput } from "./samples.js";

const almostMessage = fc.record(
  {
    type: fc.oneof(fc.constantFrom(...clientMessageTypes), fc.string()),
    topics: fc.oneof(
      fc.array(fc.oneof(fc.constantFrom("counts", "cells", "frames", "status"), fc.string())),
      fc.anything(),
    ),
    options: fc.oneof(fc.dictionary(fc.string(), fc.anything()), fc.anything()),
    session: fc.anything(),
    token: fc.anything(),
    lastSequence: fc.anything(),
    id: fc.oneof(fc.string(), fc.anything()),
    cells: fc.oneof(fc.array(fc.anything()), fc.anything()),
    state: fc.oneof(fc.constantFrom("confirmed", "proposed"), fc.anything()),
    author: fc.anything(),
    action: fc.oneof(fc.constantFrom("start", "pause", "promote", "rollback"), fc.anything()),
  },
  { requiredKeys: [] },
);

describe("the parser of clients' messages", () => {
  it("never throws, whatever the text, and refuses with a code and a reason of its own", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.json(),
      almostMessage.map((value) => JSON.stringify(value) ?? ""),
      fc.constantFrom('{"__proto__":{"type":"ping"}}', "[".repeat(50_000), '{"type":"ping"'),
    );
    fc.assert(
      fc.property(text, (given) => {
        const parsed = parseClientMessage(given);
        if (parsed.ok) return;
        expect(parsed.code).toMatch(/^(MESSAGE_(NOT_JSON|TYPE_UNKNOWN|INVALID)|LABEL_INVALID)$/);
        expect(parsed.reason.length).toBeLessThanOrEqual(300);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ["null", "MESSAGE_NOT_JSON"],
    ["[]", "MESSAGE_NOT_JSON"],
    ['"ping"', "MESSAGE_NOT_JSON"],
    ["{}", "MESSAGE_TYPE_UNKNOWN"],
    ['{"type":"toString"}', "MESSAGE_TYPE_UNKNOWN"],
    ['{"type":"subscribe","topics":["label"]}', "MESSAGE_INVALID"],
    ['{"type":"subscribe","topics":[]}', "MESSAGE_INVALID"],
    ['{"type":"ping","extra":1}', "MESSAGE_INVALID"],
    ['{"type":"subscribe","topics":["frames"],"options":{"frames":{"maxWidth":1e9}}}', "MESSAGE_INVALID"],
  ])("refuses %s with %s", (text, code) => {
    expect(parseClientMessage(text)).toMatchObject({ ok: false, code });
  });
});

describe("a client that breaks the rules", () => {
  it("is told what was wrong, and closed with 1008 when it goes on", async (context) => {
    const publication = await openPublication(context);
    const { client } = await connect(context, publication);
    client.send("not json");
    const error = await client.next("error");
    expect(error).toMatchObject({ code: "MESSAGE_NOT_JSON" });
    expect(JSON.stringify(error)).not.toMatch(/\bat \w+|\.ts|\.js/);
    client.send({ type: "launch" });
    expect(await client.next("error")).toMatchObject({ code: "MESSAGE_TYPE_UNKNOWN" });
    for (let i = 0; i < 6; i++) client.send({ type: "subscribe", topics: "all" });
    expect(await client.closed()).toBe(1008);
    expect(publication.stats().violations).toEqual({
      MESSAGE_NOT_JSON: 1,
      MESSAGE_TYPE_UNKNOWN: 1,
      MESSAGE_INVALID: 6,
    });
  });

  it.each([
    ["binary where text is due", (socket: WebSocket) => socket.send(Buffer.from([1, 2, 3])), 1003],
    ["a message over 64 KiB", (socket: WebSocket) => socket.send("x".repeat(65_537)), 1009],
    [
      "a flood of fragments",
      (socket: WebSocket) => {
        for (let i = 0; i < 200; i++) socket.send("x", { fin: false });
      },
      1008,
    ],
    [
      "a flood of messages",
      (socket: WebSocket) => {
        for (let i = 0; i < 1000; i++) socket.send('{"type":"ping"}');
      },
      1008,
    ],
    [
      "a flood of pings",
      (socket: WebSocket) => {
        for (let i = 0; i < 1000; i++) socket.ping();
      },
      1008,
    ],
  ])("%s: closed, and the others are unharmed", async (_name, misbehave, code) => {
    await using publication = await createPublication({ port: 0, version: "0", health: healthy });
    const good = new TestClient(streamUrl(publication));
    const bad = new TestClient(streamUrl(publication));
    await Promise.all([good.next("hello"), bad.next("hello")]);
    good.send({ type: "subscribe", topics: ["counts"] });
    await good.next("subscriptions");
    misbehave(bad.socket);
    expect(await bad.closed()).toBe(code);
    publication.publish(sampleCounts(1));
    expect((await good.next("counts")).sequence).toBe(1);
  });

  it("may send a message of exactly 64 KiB", async (context) => {
    const publication = await openPublication(context);
    const { client } = await connect(context, publication);
    const ping = '{"type":"ping"}';
    client.send(ping + " ".repeat(65_536 - ping.length));
    await client.next("pong");
  });

  it("answers arbitrary bytes with a code or a close, and lives on", async (context) => {
    const publication = await openPublication(context);
    const anyMessage = fc.oneof(fc.string({ unit: "binary" }), fc.json(), fc.uint8Array({ maxLength: 200 }));
    const frames = fc.array(anyMessage, { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(frames, async (messages) => {
        const { client } = await connect(context, publication);
        for (const message of messages) client.send(typeof message === "string" ? message : Buffer.from(message));
        client.send({ type: "ping", id: "end" });
        const outcome = await Promise.race([client.closed(), client.next("pong").catch(async () => client.closed())]);
        if (typeof outcome === "number") expect([1003, 1007, 1008, 1009]).toContain(outcome);
        client.socket.terminate();
      }),
      { numRuns: 25 },
    );
    const { client } = await connect(context, publication);
    expect(await client.settle()).toEqual([]);
  });

  it("answers raw bytes after the handshake with a close", async (context) => {
    const publication = await openPublication(context);
    const handshake =
      `GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1:${publication.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 2, maxLength: 300 }), async (bytes) => {
        const socket = connectTcp(publication.port, "127.0.0.1");
        socket.on("error", () => {});
        socket.write(handshake);
        socket.write(bytes);
        await new Promise((resolve) => socket.once("data", resolve));
        socket.destroy();
      }),
      { numRuns: 40 },
    );
    await until(() => publication.stats().clients === 0);
    await connect(context, publication);
  });
});

describe("clients that do not read", () => {
  it("cost a bounded buffer each, see the gap when they read again, and do not slow the others", async (context) => {
    const publication = await openPublication(context);
    const slow = await Promise.all(Array.from({ length: 10 }, () => connect(context, publication)));
    const { client: fast } = await connect(context, publication);
    for (const { client } of slow) {
      client.send({ type: "subscribe", topics: ["cells", "counts", "frames"], options: { frames: { maxRateHz: 10 } } });
      await client.next("subscriptions");
      client.socket.pause();
    }
    fast.send({ type: "subscribe", topics: ["counts"] });
    await fast.next("subscriptions");
    const before = process.memoryUsage();
    const cells = sampleCellsInput(1, 1000);
    const rounds = 150;
    for (let round = 1; round <= rounds; round++) {
      publication.publish(cells);
      publication.publish(sampleCounts(round));
      if (round % 50 === 0) publication.publish(sampleFrameInput(round, 320, 240));
      expect((await fast.next("counts")).sequence).toBe(round);
    }
    const grown = process.memoryUsage().rss - before.rss;
    // 10 clients would hold about 200 MB without a bound; kernel buffers and garbage make the measure coarse.
    expect(grown).toBeLessThan(100e6);
    expect(publication.stats().dropped.cells).toBeGreaterThan(300);
    const first = slow[0]?.client;
    first?.socket.resume();
    const sequences: number[] = [];
    while (first !== undefined && sequences.at(-1) !== rounds) sequences.push((await first.next("counts")).sequence);
    expect(sequences).toEqual([...sequences].sort((a, b) => a - b));
    expect(sequences.length).toBeLessThan(rounds);
  });
});
