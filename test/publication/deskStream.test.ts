import { describe, expect, it, type TestContext } from "vitest";
import { CytoError } from "../../src/core/index.js";
import { commandWindow } from "../../src/publication/protocol/limits.js";
import { memoryDesks } from "./desks/index.js";
import { connect, openPublication, streamUrl, TestClient } from "./harness.js";

const opened = async (context: TestContext) => {
  const desks = memoryDesks();
  const publication = await openPublication(context, { desks });
  return { desks, publication, ...(await connect(context, publication)) };
};

describe("trainings over the stream", () => {
  it("are begun, paused, resumed and cancelled, each answered by its id", async (context) => {
    const { client, desks } = await opened(context);
    const ask = async (action: string, more: object) => {
      client.send({ type: "job", id: action, action, ...more });
      return (await client.next("jobState")).job;
    };
    const { id: job } = await ask("start", { by: "MK" });
    expect(await desks.jobs.show(job)).toMatchObject({ state: "running", reason: "Asked for by MK." });
    expect(await ask("pause", { job })).toMatchObject({ state: "paused", pausedBy: "asked" });
    expect(await ask("resume", { job })).toMatchObject({ state: "running" });
    expect(await ask("cancel", { job })).toMatchObject({ state: "cancelled" });
    client.send({ type: "job", id: "x", action: "pause", job });
    expect(await client.next("error")).toMatchObject({ id: "x", code: "JOB_ENDED" });
    client.send({ type: "job", id: "y", action: "pause", job: "job-9" });
    expect(await client.next("error")).toMatchObject({ id: "y", code: "JOB_NOT_FOUND" });
    client.send({ type: "job", id: "z", action: "start" });
    expect(await client.next("error")).toMatchObject({ id: "z", code: "MESSAGE_INVALID" });
  });

  it("are told on their topic with the newest loss of each name, the newest to whoever comes later", async (context) => {
    const { client, desks, publication } = await opened(context);
    const { id } = await desks.jobs.start("MK");
    await desks.jobs.advance(id, 0.7);
    client.send({ type: "subscribe", topics: ["jobs"] });
    let told = await client.next("jobs");
    while (told.jobs[0]?.done !== 0.7) told = await client.next("jobs");
    expect(told.jobs[0]?.losses.map(({ name }) => name)).toEqual(["painter", "detector"]);
    expect(told.decision).toMatchObject({ start: false });
    const { client: later } = await connect(context, publication);
    later.send({ type: "subscribe", topics: ["jobs"] });
    expect((await later.next("jobs")).jobs).toEqual(told.jobs);
  });
});

describe("models over the stream", () => {
  it("are promoted and rolled back; the topic says which is in production", async (context) => {
    const { client, desks, publication } = await opened(context);
    const { client: watcher } = await connect(context, publication);
    desks.models.train("1.1.0", "unet@1.0.0", "job-1");
    watcher.send({ type: "subscribe", topics: ["models"] });
    expect((await watcher.next("models")).promotion).toMatchObject({ kind: "initial", model: "unet@1.0.0" });
    client.send({ type: "model", id: "1", action: "promote", model: "unet@1.1.0", by: "MK", reason: "better" });
    expect((await client.next("promoted")).promotion).toMatchObject({ model: "unet@1.1.0", before: "unet@1.0.0" });
    const told = await watcher.next("models");
    expect(told.models.filter(({ active, kind }) => active && kind === "detector")).toMatchObject([
      { version: "1.1.0" },
    ]);
    client.send({ type: "model", id: "2", action: "rollback", by: "MK" });
    expect((await client.next("promoted")).promotion).toMatchObject({ kind: "rollback", model: "unet@1.0.0" });
    client.send({ type: "model", id: "3", action: "promote", model: "unet@7.0.0", by: "MK", reason: "?" });
    expect(await client.next("error")).toMatchObject({ id: "3", code: "MODEL_NOT_FOUND" });
    desks.models.failure = new CytoError("MODEL_SELF_TEST_FAILED", "2 of 8 golden fields differ.");
    client.send({ type: "model", id: "4", action: "promote", model: "unet@1.1.0", by: "MK", reason: "again" });
    expect(await client.next("error")).toMatchObject({ id: "4", message: "2 of 8 golden fields differ." });
  });
});

describe("alarms", () => {
  it("are told to those who subscribe, now and later, and over HTTP", async (context) => {
    const { client, publication } = await opened(context);
    expect((await fetch(`${publication.url}v1/alerts`)).status).toBe(503);
    const alarm = { kind: "stain", raised: true, value: 0.3, reference: 0.7, sinceMs: 1, text: "The stain is unlike." };
    publication.publish({ type: "alerts", alarms: [alarm] });
    client.send({ type: "subscribe", topics: ["alerts"] });
    expect(await client.next("alerts")).toMatchObject({ sequence: 1, alarms: [alarm] });
    expect(await (await fetch(`${publication.url}v1/alerts`)).json()).toMatchObject({ alarms: [alarm] });
    expect(() => publication.publish({ type: "alerts", alarms: [{ ...alarm, text: "x".repeat(501) }] })).toThrowError(
      expect.objectContaining({ code: "INTERNAL" }),
    );
  });
});

describe("what is asked of a desk", () => {
  it("keeps a field by the port that is given, once", async (context) => {
    const asked: unknown[] = [];
    const keep = async (request: { id: string }) => {
      asked.push(request);
      return { id: request.id, field: "f-1", revision: 1, repeated: false };
    };
    const publication = await openPublication(context, { desks: { ...memoryDesks(), keep } });
    const { client, hello } = await connect(context, publication);
    expect(hello.capabilities.keep).toBe(true);
    client.send({ type: "keep", id: "k", frame: 7, author: "MK" });
    expect(await client.next("labelled")).toMatchObject({ id: "k", field: "f-1" });
    expect(asked).toEqual([{ id: "k", frame: 7, author: "MK" }]);
  });

  it("is NOT_FOUND where there is no such desk, and its topic is not to be had", async (context) => {
    const publication = await openPublication(context);
    const { client, hello } = await connect(context, publication);
    expect(hello.capabilities.keep).toBe(false);
    for (const message of [
      { type: "keep", id: "1" },
      { type: "job", id: "1", action: "start", by: "MK" },
      { type: "model", id: "1", action: "rollback", by: "MK" },
      { type: "label", id: "1", cells: [], state: "rejected", author: "MK" },
    ]) {
      client.send(message);
      expect(await client.next("error")).toMatchObject({ id: "1", code: "NOT_FOUND" });
    }
    client.send({ type: "subscribe", topics: ["counts", "labels"] });
    expect(await client.next("error")).toMatchObject({ code: "MESSAGE_INVALID" });
  });

  it("waits in a window, and one more is refused", async (context) => {
    const desks = memoryDesks();
    const waiting: (() => void)[] = [];
    const keep = ({ id }: { id: string }) =>
      new Promise<void>((resolve) => void waiting.push(resolve)).then(() => {
        return { id, field: "f-1", revision: 1, repeated: false };
      });
    const publication = await openPublication(context, { desks: { ...desks, keep } });
    const { client } = await connect(context, publication);
    for (let i = 0; i <= commandWindow; i++) client.send({ type: "keep", id: String(i) });
    expect(await client.next("error")).toMatchObject({ id: String(commandWindow), code: "MESSAGE_RATE" });
    for (const release of waiting) release();
    for (let i = 0; i < commandWindow; i++) await client.next("labelled");
  });

  it("is answered with INTERNAL where the desk fails in a way of its own, without a word of it", async (context) => {
    const keep = () => Promise.reject(new Error("secret at /etc/passwd"));
    const publication = await openPublication(context, { desks: { ...memoryDesks(), keep } });
    const { client } = await connect(context, publication);
    client.send({ type: "keep", id: "1" });
    const error = await client.next("error");
    expect(error).toMatchObject({ id: "1", code: "INTERNAL" });
    expect(JSON.stringify(error)).not.toContain("secret");
  });

  it("is refused to pages of other sites on this machine, which may look", async (context) => {
    const { publication } = await opened(context);
    const client = new TestClient(streamUrl(publication), { origin: "http://localhost:5173" });
    context.onTestFinished(() => client.socket.terminate());
    await client.next("hello");
    client.send({ type: "job", id: "1", action: "start", by: "MK" });
    expect(await client.next("error")).toMatchObject({ id: "1", code: "ORIGIN_REFUSED" });
    client.send({ type: "subscribe", topics: ["jobs"] });
    expect((await client.next("jobs")).jobs).toEqual([]);
  });
});
