import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { connect, openPublication, streamUrl, TestClient, until } from "./harness.js";
import { sampleCellsInput, sampleCounts, sampleFrameInput, sampleStatus } from "./samples.js";

describe("the stream", () => {
  it("greets with limits, topics and the taxonomy", async (context) => {
    const publication = await openPublication(context);
    const { hello } = await connect(context, publication);
    expect(hello).toMatchObject({ protocol: 1, server: "cytostream", version: "0.0.0-test" });
    expect(hello.topics).toEqual(["status", "counts", "alerts", "cells", "frames"]);
    expect(hello.limits).toMatchObject({ messageBytes: 65_536, bufferedBytes: 262_144 });
    expect(hello.taxonomy.find((entry) => entry.class === "neutrophil")).toMatchObject({ abbreviation: "NE" });
  });

  it("sends what is subscribed and nothing else, numbered from 1 without a gap", async (context) => {
    const publication = await openPublication(context);
    const { client } = await connect(context, publication);
    client.send({ type: "subscribe", topics: ["counts"] });
    await client.next("subscriptions");
    for (let fields = 1; fields <= 5; fields++) {
      publication.publish(sampleStatus());
      publication.publish(sampleCellsInput(fields));
      publication.publish(sampleCounts(fields));
      expect(await client.next("counts")).toMatchObject({ sequence: fields, fields: { counted: fields } });
    }
    client.send({ type: "unsubscribe", topics: ["counts"] });
    expect(await client.next("subscriptions")).toMatchObject({ topics: [] });
    publication.publish(sampleCounts(6));
    expect(await client.settle()).toEqual([]);
  });

  it("gives one who comes later the newest of each topic at once", async (context) => {
    const publication = await openPublication(context);
    publication.publish(sampleCounts(7));
    publication.publish(sampleStatus());
    publication.publish(sampleCellsInput(3));
    const { client } = await connect(context, publication);
    client.send({ type: "subscribe", topics: ["counts", "cells", "status"] });
    expect((await client.next("counts")).simulated).toBe(true);
    const cells = await client.next("cells");
    expect(cells.total).toBe(60);
    expect(cells.field.positionUm).toEqual({ x: 330, y: 0 });
    expect(await client.next("status")).toMatchObject({ provider: "cpu", scale: { origin: "frame" } });
  });

  it("marks counts stale when the camera falls silent, and takes the mark away when it comes back", async (context) => {
    const publication = await openPublication(context);
    publication.publish(sampleStatus());
    publication.publish(sampleCounts(7));
    const { client } = await connect(context, publication);
    client.send({ type: "subscribe", topics: ["counts"] });
    expect((await client.next("counts")).stale).toBe(false);
    publication.publish(sampleStatus("stale", true));
    expect(await client.next("counts")).toMatchObject({ stale: true, fields: { counted: 7 } });
    publication.publish(sampleStatus());
    expect((await client.next("counts")).stale).toBe(false);
  });

  it("sends frames as JPEG with cells and density where asked for, and encodes nothing for nobody", async (context) => {
    const publication = await openPublication(context);
    publication.publish(sampleFrameInput(1));
    expect(publication.stats().encoded).toEqual({});
    expect(publication.wants("frames")).toBe(false);
    const { client } = await connect(context, publication);
    client.send({ type: "subscribe", topics: ["frames"], options: { frames: { maxWidth: 700, maxRateHz: 10 } } });
    const plain = await client.frame();
    expect(plain.header.cells).toBeUndefined();
    expect(await sharp(plain.picture).metadata()).toMatchObject({ format: "jpeg", width: 640, height: 480 });
    expect(publication.wants("density")).toBe(false);
    const frames = { maxWidth: 320, cells: true, density: true };
    client.send({ type: "subscribe", topics: ["frames"], options: { frames } });
    const whole = await client.frame();
    expect(publication.wants("density")).toBe(true);
    expect(whole.header.total).toBe(60);
    expect(whole.header.field).toMatchObject({ width: 1280, height: 960 });
    expect(await sharp(whole.density).metadata()).toMatchObject({ format: "png", width: 256, height: 192 });
    expect(publication.stats().encoded).toEqual({ frames: 2 });
  });

  it("keeps to the rate asked for, and sends the newest when it is due", async (context) => {
    const publication = await openPublication(context);
    const { client } = await connect(context, publication);
    client.send({ type: "subscribe", topics: ["counts"], options: { counts: { maxRateHz: 5 } } });
    await client.next("subscriptions");
    for (let fields = 1; fields <= 50; fields++) publication.publish(sampleCounts(fields));
    const sequences: number[] = [];
    while (sequences.at(-1) !== 50) sequences.push((await client.next("counts")).sequence);
    expect(sequences[0]).toBe(1);
    expect(sequences.length).toBeLessThan(40);
    client.send({ type: "ping" });
    expect((await client.next("pong")).dropped).toEqual({});
  });

  it("fits a frame of noise into one message", async (context) => {
    const publication = await openPublication(context);
    const { client } = await connect(context, publication);
    client.send({ type: "subscribe", topics: ["frames"], options: { frames: { maxWidth: 1280, cells: true } } });
    const input = sampleFrameInput(1, 1600, 1200);
    for (let i = 0, state = 1; i < input.frame.pixels.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      input.frame.pixels[i] = state >>> 24;
    }
    publication.publish(input);
    const { header, picture } = await client.frame();
    expect(picture.length).toBeLessThan(262_144);
    expect(header.picture.bytes).toBe(picture.length);
  });

  it("survives a frame whose pixels are gone, and sends the next", async (context) => {
    const publication = await openPublication(context);
    const { client } = await connect(context, publication);
    client.send({ type: "subscribe", topics: ["frames"] });
    await client.next("subscriptions");
    const broken = sampleFrameInput(1);
    publication.publish({ ...broken, frame: { ...broken.frame, pixels: new Uint8Array(0) } });
    await until(() => publication.stats().encodeFailed.frames === 1);
    publication.publish(sampleFrameInput(2));
    expect((await client.frame()).header.field.frame).toBe(2);
  });

  it("lists the surest thousand where there are more cells, and tells how many there were", async (context) => {
    const publication = await openPublication(context);
    const { client } = await connect(context, publication);
    client.send({ type: "subscribe", topics: ["cells"] });
    await client.next("subscriptions");
    publication.publish(sampleCellsInput(1, 1500));
    const { total, cells } = await client.next("cells");
    expect([total, cells.length]).toEqual([1500, 1000]);
  });

  it("takes credentials out of what it says of the source", async (context) => {
    const publication = await openPublication(context);
    const status = sampleStatus();
    publication.publish({ ...status, camera: { ...status.camera, source: "rtsp://lab:secret@10.0.0.7/live" } });
    const answer = await fetch(`${publication.url}v1/status`);
    expect(((await answer.json()) as typeof status).camera.source).toBe("rtsp://10.0.0.7/live");
  });

  it("says 1001 to everybody when it closes, and closing is idempotent", async (context) => {
    const publication = await openPublication(context);
    const { client } = await connect(context, publication);
    await Promise.all([publication[Symbol.asyncDispose](), publication[Symbol.asyncDispose]()]);
    expect(await client.closed()).toBe(1001);
    publication.publish(sampleCounts(1));
    await expect(fetch(publication.url)).rejects.toThrow();
    expect(publication.stats()).toMatchObject({ clients: 0, closed: { shutdown: 1 } });
  });

  it("refuses one client too many with a code, and takes the next when there is room", async (context) => {
    const publication = await openPublication(context, { maxClients: 1 });
    const { client } = await connect(context, publication);
    const second = new WebSocket(streamUrl(publication));
    const status = await new Promise((resolve) => {
      second.on("unexpected-response", (_request, response) => resolve(response.statusCode));
    });
    expect(status).toBe(503);
    client.socket.close();
    await until(() => publication.stats().clients === 0);
    await connect(context, publication);
    expect(publication.stats().refused).toEqual({ CLIENTS_EXCEEDED: 1 });
  });

  it("cuts a client off that answers no ping, and spares one that does", async (context) => {
    const publication = await openPublication(context, { pingIntervalMs: 60 });
    const alive = await connect(context, publication);
    const dead = new WebSocket(streamUrl(publication), { autoPong: false });
    await new Promise((resolve) => dead.on("close", resolve));
    await until(() => publication.stats().clients === 1);
    expect(publication.stats()).toMatchObject({ clients: 1, closed: { dead: 1 } });
    alive.client.send({ type: "ping" });
    await alive.client.next("pong");
  });
});

describe("resuming", () => {
  it("goes on where it was: subscriptions back, the newest replayed, the gap told", async (context) => {
    const publication = await openPublication(context);
    const { client, hello } = await connect(context, publication);
    client.send({ type: "subscribe", topics: ["counts", "status"] });
    await client.next("subscriptions");
    publication.publish(sampleStatus());
    publication.publish(sampleCounts(1));
    await client.next("counts");
    client.socket.terminate();
    await until(() => publication.stats().clients === 0);
    for (let fields = 2; fields <= 10; fields++) publication.publish(sampleCounts(fields));
    const again = await connect(context, publication);
    const { session, resumeToken: token } = hello;
    again.client.send({ type: "resume", session, token, lastSequence: { counts: 1, status: 1 } });
    expect((await again.client.next("resumed")).topics).toEqual([
      { topic: "status", lastSequence: 1, newestSequence: 1, missed: 0, replayed: false },
      { topic: "counts", lastSequence: 1, newestSequence: 10, missed: 8, replayed: true },
    ]);
    expect((await again.client.next("counts")).sequence).toBe(10);
    publication.publish(sampleCounts(11));
    expect((await again.client.next("counts")).sequence).toBe(11);
  });

  it("takes a session from a connection that is not known to be dead", async (context) => {
    const publication = await openPublication(context);
    const { client, hello } = await connect(context, publication);
    client.send({ type: "subscribe", topics: ["counts"] });
    await client.next("subscriptions");
    const again = await connect(context, publication);
    again.client.send({ type: "resume", session: hello.session, token: hello.resumeToken });
    await again.client.next("resumed");
    expect(await client.closed()).toBe(1008);
    publication.publish(sampleCounts(1));
    expect((await again.client.next("counts")).sequence).toBe(1);
    expect(publication.stats().sessions).toBe(1);
  });

  it("refuses a wrong token, an unknown session, and one of another run", async (context) => {
    const publication = await openPublication(context);
    const first = await connect(context, publication);
    first.client.send({ type: "subscribe", topics: ["counts"] });
    await first.client.next("subscriptions");
    const { client } = await connect(context, publication);
    for (const [session, token] of [
      [first.hello.session, "wrong"],
      ["unknown", first.hello.resumeToken],
    ]) {
      client.send({ type: "resume", session, token });
      expect(await client.next("error")).toMatchObject({ code: "SESSION_UNKNOWN" });
    }
    const other = await openPublication(context);
    const elsewhere = new TestClient(streamUrl(other));
    expect((await elsewhere.next("hello")).run).not.toBe(first.hello.run);
    elsewhere.send({ type: "resume", session: first.hello.session, token: first.hello.resumeToken });
    expect(await elsewhere.next("error")).toMatchObject({ code: "SESSION_UNKNOWN" });
  });
});
