import { describe, expect, it, type TestContext } from "vitest";
import { CytoError } from "../../src/core/index.js";
import { labelWindow } from "../../src/publication/protocol/limits.js";
import { memoryDesks, sampleCell, samplePng } from "./desks/index.js";
import { connect, openPublication, streamUrl, TestClient, until } from "./harness.js";
import { sampleCounts } from "./samples.js";

const opened = async (context: TestContext) => {
  const desks = memoryDesks();
  const publication = await openPublication(context, { desks });
  const { client, hello } = await connect(context, publication);
  const { sha256 } = await desks.labels.addPicture(await samplePng());
  const label = (id: string, more: object = {}) => ({
    type: "label",
    id,
    picture: sha256,
    cells: [sampleCell()],
    state: "confirmed",
    author: "MK",
    ...more,
  });
  return { desks, publication, client, hello, label };
};

describe("labels over the stream", () => {
  it("are answered after the commit, not before, and once more when sent again", async (context) => {
    const { desks, client, label } = await opened(context);
    let commit: () => void = () => {};
    desks.labels.commit = () =>
      new Promise((resolve) => {
        commit = resolve;
      });
    client.send(label("a"));
    expect(await client.settle()).toEqual([]);
    expect((await desks.labels.stats()).fields.confirmed).toBe(0);
    commit();
    const first = await client.next("labelled");
    expect(first).toEqual({ type: "labelled", id: "a", field: "f-1", revision: 1, repeated: false });
    client.send(label("a"));
    expect(await client.next("labelled")).toEqual({ ...first, repeated: true });
    expect((await desks.labels.stats()).fields.confirmed).toBe(1);
  });

  it.for([
    ["another label under the same id", { id: "known", state: "rejected" }, "LABEL_CONFLICT"],
    ["a field that does not exist", { picture: undefined, field: "f-99" }, "LABEL_FIELD_UNKNOWN"],
    ["a revision that is not the newest", { picture: undefined, field: "f-1", basedOn: 7 }, "LABEL_CONFLICT"],
    ["a picture that was not sent", { picture: "0".repeat(64) }, "LABEL_PICTURE_UNKNOWN"],
    ["a box outside the picture", { cells: [sampleCell(60)] }, "LABEL_INVALID"],
    [
      "a box that is empty",
      { cells: [{ ...sampleCell(), box: { left: 9, top: 9, right: 9, bottom: 9 } }] },
      "LABEL_INVALID",
    ],
    ["a box that is no number", { cells: [{ ...sampleCell(), box: { left: null } }] }, "LABEL_INVALID"],
    ["a class that does not exist", { cells: [{ ...sampleCell(), cellClass: "unicorn" }] }, "LABEL_INVALID"],
    ["a key that does not exist", { colour: "red" }, "LABEL_INVALID"],
  ] as const)("%s: answered with its code under its id, and the connection lives", async ([, more, code], context) => {
    const { publication, client, label } = await opened(context);
    client.send(label("known"));
    await client.next("labelled");
    for (let i = 0; i < 20; i++) {
      const wrong = label(`wrong-${i}`, more);
      client.send(wrong);
      const error = await client.next("error");
      expect(error).toMatchObject({ code, id: wrong.id });
      expect(error.message).not.toMatch(/[/\\]\w/);
    }
    client.send(label("last"));
    expect(await client.next("labelled")).toMatchObject({ id: "last" });
    expect(publication.stats().violations).toEqual({});
  });

  it("tell of a full disk by its code, and nothing of where it is", async (context) => {
    const { desks, publication, client, label } = await opened(context);
    desks.labels.failure = new CytoError("STORE_FULL", "/var/lib/cytostream/laboratory.db could not be written");
    client.send(label("a"));
    expect(await client.next("error")).toMatchObject({
      id: "a",
      code: "STORE_FULL",
      message: "The disk is full: nothing more can be kept",
    });
    publication.publish(sampleCounts(1));
    client.send({ type: "subscribe", topics: ["counts"] });
    expect(await client.next("counts")).toMatchObject({ sequence: 1 });
    desks.labels.failure = undefined;
    client.send(label("a"));
    expect(await client.next("labelled")).toMatchObject({ id: "a", repeated: false });
  });

  it("are not in the allowance of messages: a client that waits for answers sends hundreds", async (context) => {
    const { desks, publication, client, hello, label } = await opened(context);
    const total = 400;
    const { labelsUnanswered } = hello.limits;
    let sent = 0;
    while (sent < labelsUnanswered) client.send(label(`l-${sent++}`));
    for (let answered = 0; answered < total; answered++) {
      expect(await client.next("labelled")).toMatchObject({ repeated: false });
      if (sent < total) client.send(label(`l-${sent++}`));
    }
    expect((await desks.labels.stats()).fields.confirmed).toBe(total);
    expect(publication.stats().violations).toEqual({});
  });

  it("beyond the window are refused by their id, and a client that goes on is closed; what was taken is kept", async (context) => {
    const { desks, publication, client, label } = await opened(context);
    const commits: (() => void)[] = [];
    desks.labels.commit = () => new Promise((resolve) => void commits.push(resolve));
    for (let i = 0; i < labelWindow; i++) client.send(label(`l-${i}`));
    await until(() => commits.length === labelWindow);
    client.send(label("over"));
    expect(await client.next("error")).toMatchObject({ id: "over", code: "MESSAGE_RATE" });
    for (let i = 0; i < 1000; i++) client.send(label(`flood-${i}`));
    expect(await client.closed()).toBe(1008);
    expect(commits.length).toBe(labelWindow);
    for (const commit of commits) commit();
    await until(() => publication.stats().clients === 0);
    expect((await desks.labels.stats()).fields.confirmed).toBe(labelWindow);
  });

  it("are answered even to a client that reads nothing, within a bound", async (context) => {
    const { desks, publication, client, label } = await opened(context);
    client.send({ type: "subscribe", topics: ["counts"] });
    await client.next("subscriptions");
    client.socket.pause();
    for (let round = 1; round <= 400; round++) publication.publish(sampleCounts(round));
    for (let i = 0; i < 30; i++) client.send(label(`l-${i}`));
    await until(() => publication.stats().clients === 1);
    const stats = () => desks.labels.stats();
    while ((await stats()).fields.confirmed < 30) await new Promise((resolve) => setImmediate(resolve));
    client.socket.resume();
    const answered = new Set<string>();
    while (answered.size < 30) answered.add((await client.next("labelled")).id);
    expect(answered.size).toBe(30);
  });

  it("are told on their topic with the newest state, all changes counted", async (context) => {
    const { client, label } = await opened(context);
    client.send({ type: "subscribe", topics: ["labels"] });
    await client.next("labels");
    for (let i = 0; i < 30; i++) client.send(label(`l-${i}`));
    let changes = 0;
    for (;;) {
      const message = await client.next("labels");
      changes += message.changes;
      expect(message.changed.length).toBe(message.changes);
      if (message.stats.fields.confirmed === 30) break;
    }
    expect(changes).toBe(30);
  });

  it("one client's flood of them leaves the others alone", async (context) => {
    const { publication, label } = await opened(context);
    const { client: good } = await connect(context, publication);
    good.send({ type: "subscribe", topics: ["counts"] });
    await good.next("subscriptions");
    const bad = new TestClient(streamUrl(publication));
    context.onTestFinished(() => bad.socket.terminate());
    await bad.next("hello");
    for (let i = 0; i < 1000; i++) bad.send(label(`l-${i}`, { cells: [] }));
    for (let i = 1; i <= 20; i++) {
      publication.publish(sampleCounts(i));
      expect((await good.next("counts")).sequence).toBe(i);
    }
    expect(await bad.closed()).toBe(1008);
  });
});
