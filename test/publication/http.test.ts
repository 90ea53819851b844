import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { createManualClock } from "../../src/core/index.js";
import { createHealthRegistry, createMetrics } from "../../src/observability/index.js";
import { isLoopbackHost, refusal } from "../../src/publication/guard.js";
import { createPublication } from "../../src/publication/index.js";
import { connect, healthy, openPublication, streamUrl } from "./harness.js";
import { sampleCellsInput, sampleCounts, sampleStatus } from "./samples.js";

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** A request with headers that fetch would not send. */
const get = (port: number, path: string, headers: Record<string, string>): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, path, headers }, (response) => {
      let body = "";
      response.on("data", (chunk: Buffer) => {
        body += chunk.toString();
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
    });
    sent.on("error", reject);
    sent.end();
  });

const handshakeStatus = (url: string, headers: Record<string, string>): Promise<number> =>
  new Promise((resolve) => {
    const socket = new WebSocket(url, { headers });
    socket.on("error", () => {});
    socket.on("unexpected-response", (_request, response) => resolve(response.statusCode ?? 0));
    socket.on("open", () => {
      socket.terminate();
      resolve(101);
    });
  });

describe("the port", () => {
  it("is on loopback unless told otherwise", async (context) => {
    const publication = await openPublication(context);
    expect(publication.host).toBe("127.0.0.1");
    expect(publication.url).toBe(`http://127.0.0.1:${publication.port}/`);
  });

  it("that is taken ends with PORT_IN_USE, a host that is not this machine's with LISTEN_FAILED", async (context) => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    context.onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const options = { version: "0", health: healthy };
    await expect(createPublication({ ...options, port })).rejects.toMatchObject({ code: "PORT_IN_USE" });
    await expect(createPublication({ ...options, port: 0, host: "192.0.2.1" })).rejects.toMatchObject({
      code: "LISTEN_FAILED",
    });
  });

  it("answers probes from the health registry, and metrics that count clients and messages", async (context) => {
    const health = createHealthRegistry(createManualClock(), ["camera"]);
    const metrics = createMetrics();
    context.onTestFinished(() => metrics[Symbol.dispose]());
    const publication = await openPublication(context, { health, metrics });
    expect((await fetch(`${publication.url}readyz`)).status).toBe(503);
    expect((await fetch(`${publication.url}healthz`)).status).toBe(200);
    health.report("camera", "ready");
    expect((await fetch(`${publication.url}readyz`)).status).toBe(200);
    const { client } = await connect(context, publication);
    client.send({ type: "subscribe", topics: ["counts"] });
    publication.publish(sampleCounts(1));
    await client.next("counts");
    const answer = await fetch(`${publication.url}metrics`);
    const text = await answer.text();
    expect(answer.headers.get("content-type")).toContain("text/plain");
    expect(text).toContain("cytostream_ws_clients 1");
    expect(text).toContain('cytostream_ws_messages_sent_total{topic="counts"} 1');
    health.fatal("the detector is gone");
    expect((await fetch(`${publication.url}healthz`)).status).toBe(503);
  });

  it("gives the newest status, counts and fields, or a code while there is none", async (context) => {
    const publication = await openPublication(context);
    const early = await fetch(`${publication.url}v1/counts`);
    expect([early.status, await early.json()]).toMatchObject([503, { code: "NOT_READY" }]);
    publication.publish(sampleCounts(3));
    publication.publish(sampleStatus());
    for (let frame = 0; frame < 3; frame++) publication.publish(sampleCellsInput(frame));
    publication.publish(sampleCellsInput(1));
    const counts = await fetch(`${publication.url}v1/counts`);
    expect(await counts.json()).toMatchObject({ type: "counts", sequence: 1, fields: { counted: 3 } });
    expect(await (await fetch(`${publication.url}v1/status`)).json()).toMatchObject({ provider: "cpu" });
    const { fields } = (await (await fetch(`${publication.url}v1/fields`)).json()) as { fields: { x: number }[] };
    expect(fields.map(({ x }) => x)).toEqual([0, 220, 110]);
    publication.clearFields();
    expect(await (await fetch(`${publication.url}v1/fields`)).json()).toEqual({ fields: [], forgotten: 0 });
  });

  it("answers what is not there with a code and an identifier, never a stack", async (context) => {
    const publication = await openPublication(context);
    for (const path of ["nothing", "v1/stream", "..%2f..%2fpackage.json", "metrics", "%"]) {
      const answer = await fetch(publication.url + path);
      const body = (await answer.json()) as { code: string; correlationId: string };
      expect([400, 404]).toContain(answer.status);
      expect(body.code).toMatch(/^(NOT_FOUND|REQUEST_INVALID)$/);
      expect(body.correlationId).toMatch(/^[0-9a-f-]{36}$/);
      expect(JSON.stringify(body)).not.toContain("node_modules");
    }
    expect((await fetch(publication.url, { method: "POST", body: "x".repeat(5000) })).status).toBeGreaterThanOrEqual(
      400,
    );
  });

  it("refuses names that are not this machine's and pages of other sites, over HTTP and before the upgrade", async (context) => {
    const publication = await openPublication(context, { allowedOrigins: ["https://lab.example"] });
    const { port } = publication;
    publication.publish(sampleCounts(1));
    expect((await get(port, "/v1/counts", { host: "evil.example" })).status).toBe(421);
    const foreign = await get(port, "/v1/counts", { host: `127.0.0.1:${port}`, origin: "http://evil.example" });
    expect([foreign.status, JSON.parse(foreign.body).code]).toEqual([403, "ORIGIN_REFUSED"]);
    const url = streamUrl(publication);
    expect(await handshakeStatus(url, { origin: "http://evil.example" })).toBe(403);
    expect(await handshakeStatus(url, { origin: "null" })).toBe(403);
    expect(await handshakeStatus(url, { host: "evil.example" })).toBe(421);
    expect(await handshakeStatus(url.replace("stream", "other"), {})).toBe(404);
    expect(await handshakeStatus(url, { origin: `http://127.0.0.1:${port}` })).toBe(101);
    expect(await handshakeStatus(url, { origin: "https://lab.example" })).toBe(101);
    expect(publication.stats().refused).toMatchObject({ HOST_REFUSED: 2, ORIGIN_REFUSED: 3, NOT_FOUND: 1 });
  });
});

describe("the guard", () => {
  const options = { host: "counter.lab", allowedHosts: ["alias.lab"], allowedOrigins: [] };

  it.each([
    ["localhost:8480", undefined, undefined],
    ["192.168.1.7:8480", undefined, undefined],
    ["[::1]:8480", "http://[::1]:8480", undefined],
    ["counter.lab", "http://counter.lab", undefined],
    ["alias.lab:80", "http://alias.lab", undefined],
    ["alias.lab:8480", "http://alias.lab:9000", "ORIGIN_REFUSED"],
    ["localhost:8480", "http://localhost.evil.example", "ORIGIN_REFUSED"],
    ["localhost:8480", "http://evil@localhost", "ORIGIN_REFUSED"],
    ["localhost:8480", "file://", "ORIGIN_REFUSED"],
    ["localhost:8480", "http://127.0.0.1:5173", undefined],
    ["evil.example", undefined, "HOST_REFUSED"],
    ["a/b", undefined, "HOST_REFUSED"],
    [undefined, undefined, "HOST_REFUSED"],
  ])("Host %s, Origin %s: %s", (host, origin, expected) => {
    expect(refusal({ host, origin }, options)).toBe(expected);
  });

  it("knows loopback by all its names", () => {
    expect(["127.0.0.1", "127.8.9.1", "[::1]", "LOCALHOST", "a.localhost"].every(isLoopbackHost)).toBe(true);
    expect(["128.0.0.1", "localhost.example", "127.0.0.1.example"].some(isLoopbackHost)).toBe(false);
  });
});
