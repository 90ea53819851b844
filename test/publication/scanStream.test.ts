import { describe, expect, it, type TestContext } from "vitest";
import { CytoError } from "../../src/core/index.js";
import { commandWindow } from "../../src/publication/protocol/limits.js";
import { settled } from "../scan/scanning.js";
import { toyRequest } from "../scan/toyMicroscope.js";
import { connect, openPublication, streamUrl, TestClient, until } from "./harness.js";
import { openScans } from "./scanDesk.js";

const opened = async (context: TestContext, more?: Parameters<typeof openScans>[1]) => {
  const all = await openScans(context, more);
  return { ...all, ...(await connect(context, all.publication)) };
};

const stop = (id: string) => ({ type: "microscope", id, stage: { action: "stop", by: "MK" } });
const move = (id: string) => ({ type: "microscope", id, stage: { action: "move", to: { x: 5 }, by: "MK" } });

describe("scans over the stream", () => {
  it("are begun, paused, resumed and aborted, each answered by its id", async (context) => {
    const { client, toy } = await opened(context);
    toy.detectMs = 20;
    const ask = async (action: string, more: object) => {
      client.send({ type: "scan", id: action, action, ...more });
      const { id, scan } = await client.next("scanState");
      expect(id).toBe(action);
      return scan;
    };
    const { id: scan } = await ask("start", { request: toyRequest() });
    client.send({ type: "scan", id: "second", action: "start", request: toyRequest() });
    expect(await client.next("error")).toMatchObject({ id: "second", code: "SCAN_RUNNING" });
    expect(await ask("pause", { scan })).toMatchObject({ state: "paused", simulated: true });
    expect(await ask("resume", { scan })).toMatchObject({ state: "running" });
    expect(await ask("abort", { scan, by: "MK" })).toMatchObject({ state: "aborted" });
    client.send({ type: "scan", id: "x", action: "pause", scan });
    expect(await client.next("error")).toMatchObject({ id: "x", code: "SCAN_ENDED" });
    client.send({ type: "scan", id: "y", action: "pause", scan: "none" });
    expect(await client.next("error")).toMatchObject({ id: "y", code: "SCAN_NOT_FOUND" });
  });

  it.for([
    [{ action: "start" }],
    [{ action: "start", scan: "a", request: toyRequest() }],
    [{ action: "pause" }],
    [{ action: "abort", scan: "a" }],
    [{ action: "pause", scan: "../a" }],
    [{ action: "start", request: { ...toyRequest(), focus: "blind" } }],
  ] as const)("%j does not fit", async ([message], context) => {
    const { client } = await opened(context);
    client.send({ type: "scan", id: "z", ...message });
    expect(await client.next("error")).toMatchObject({ id: "z", code: "MESSAGE_INVALID" });
  });

  it("are told on their topic with the microscope, to whoever comes later too", async (context) => {
    const { client, scans, hello, publication } = await opened(context);
    expect(hello.topics).toContain("scans");
    client.send({ type: "subscribe", topics: ["scans"] });
    expect(await client.next("scans")).toMatchObject({ scans: [], microscope: { stage: { state: "ready" } } });
    const { id } = await scans.start(toyRequest());
    await settled(scans, id);
    let told = await client.next("scans");
    while (told.scans[0]?.state !== "complete") told = await client.next("scans");
    expect(told.scans).toMatchObject([{ id, slide: "S-1", simulated: true, fieldsDone: 20 }]);
    const { client: later } = await connect(context, publication);
    later.send({ type: "subscribe", topics: ["scans"] });
    expect((await later.next("scans")).scans).toEqual(told.scans);
  });
});

describe("the stage over the stream", () => {
  it("is stopped before all else: with every place for commands taken, and no message left to the client", async (context) => {
    const { client, toy, hello } = await opened(context);
    toy.stage.moveMs = 3_600_000;
    for (let i = 0; i < commandWindow; i++) client.send(move(`m-${i}`));
    await until(() => toy.stage.status.state === "moving");
    // All that is left, and two more: a few refusals do not close the connection.
    const left = hello.limits.messagesBurst - commandWindow + 2;
    for (let i = 0; i < left; i++) client.send({ type: "ping", id: String(i) });
    client.send(stop("halt"));
    expect((await client.next("microscopeState")).id).toBe("halt");
    expect(toy.stage.status.state).toBe("stopped");
  });

  it("tells what calibrating and focusing gave, each by its id, or why it gave nothing", async (context) => {
    const report = { umPerPixel: 0.5, rotationDegrees: 3, mirrored: true, residualPx: 0.1, steps: 9 };
    const { client } = await opened(context, {
      procedures: {
        calibrateOptics: async () => report,
        calibrateLight: async () => ({ evenness: 0.9 }),
        focus: async () => {
          throw new CytoError("FOCUS_FAILED", "everything is blurred");
        },
      },
    });
    client.send({ type: "calibrate", id: "o", what: "optics", by: "MK" });
    expect(await client.next("calibrated")).toEqual({ type: "calibrated", id: "o", report });
    client.send({ type: "calibrate", id: "l", what: "light", by: "MK" });
    expect(await client.next("calibrated")).toMatchObject({ id: "l", report: { evenness: 0.9 } });
    client.send({ type: "focus", id: "f", by: "MK" });
    expect(await client.next("error")).toMatchObject({ id: "f", code: "FOCUS_FAILED" });
    client.send({ type: "calibrate", id: "t", what: "tea", by: "MK" });
    expect(await client.next("error")).toMatchObject({ id: "t", code: "MESSAGE_INVALID" });
  });

  it("halts however often it is asked to, and answers each", async (context) => {
    const { client, toy } = await opened(context);
    for (let i = 0; i < 200; i++) client.send(stop(String(i)));
    for (let i = 0; i < 200; i++)
      expect((await client.next("microscopeState")).microscope.stage?.state).toBe("stopped");
    client.send({ type: "microscope", id: "go", stage: { action: "release", by: "MK" } });
    await client.next("microscopeState");
    expect(toy.stage.status.state).toBe("ready");
  });

  it("is NOT_FOUND where there is none, and its topic is not to be had", async (context) => {
    const publication = await openPublication(context);
    const { client, hello } = await connect(context, publication);
    expect(hello.topics).not.toContain("scans");
    client.send(stop("1"));
    expect(await client.next("error")).toMatchObject({ id: "1", code: "NOT_FOUND" });
  });

  it("obeys no page of another site, whose requests to stop are bound by the rate", async (context) => {
    const { publication, toy, hello } = await opened(context);
    const client = new TestClient(streamUrl(publication), { origin: "http://localhost:5173" });
    context.onTestFinished(() => client.socket.terminate());
    await client.next("hello");
    client.send(stop("1"));
    expect(await client.next("error")).toMatchObject({ id: "1", code: "ORIGIN_REFUSED" });
    client.send({ type: "calibrate", id: "2", what: "optics", by: "MK" });
    expect(await client.next("error")).toMatchObject({ id: "2", code: "ORIGIN_REFUSED" });
    for (let i = 0; i < hello.limits.messagesBurst + 50; i++) client.send(stop(String(i)));
    expect(await client.closed()).toBe(1008);
    expect(toy.stage.status.state).toBe("ready");
  });
});
