import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { WebSocket } from "ws";
import { createRandom } from "../../src/core/index.js";
import { encodePng } from "../../src/pictures/index.js";
import { type ToyCell, toyFrame } from "../detection/toySmear.js";
import { type DaemonProcess, openDaemonProcess, residentMiB } from "../integration/program.js";
import { subscribe } from "../integration/streamClient.js";
import { openToySetting, type ToySetting, toyField, toyUmPerPixel } from "../integration/toySetting.js";
import { streamUrl, TestClient } from "../publication/harness.js";
import { pass, quantile, tell, times, untilTrue } from "./counts.js";

/** Clients of a daemon at work that do not read, come back, send rubbish, or too much. */

let toy: ToySetting;
let source = "";
let daemon: DaemonProcess;
beforeAll(async () => {
  toy = await openToySetting();
  source = await toy.smears("smears", 6);
});
afterAll(() => toy.remove());
const openOn = (folder: string, ...settings: readonly string[]): Promise<DaemonProcess> =>
  openDaemonProcess([
    ...toy.settings,
    ...["camera.name=folder", `camera.source=${folder}`, "camera.options.repeat=true"],
    "camera.options.framesPerSecond=10",
    ...settings,
  ]);
beforeEach(async () => {
  daemon = await openOn(source);
});
afterEach(() => daemon[Symbol.asyncDispose]());

const fieldsOver = async (ms: number): Promise<number> => {
  const before = await daemon.metric("cytostream_frames_processed_total");
  await pass(ms);
  return (await daemon.metric("cytostream_frames_processed_total")) - before;
};

const openClient = async (): Promise<TestClient> => {
  const client = new TestClient(streamUrl(daemon));
  await client.next("hello");
  return client;
};

describe("clients that do not read (promise 5)", () => {
  const subscribers = times(1000, 150);
  const seconds = times(600, 15);

  it(`${subscribers} for ${seconds} s: memory within 256 KiB each and 10 %, counting goes on`, async () => {
    // Pictures are encoded from the first client on that wants them: that is no cost of those who do not read.
    const reader = await subscribe(daemon, "counts", "cells", "frames", "status");
    await fieldsOver(6000);
    const alone = await fieldsOver(5000);
    const baseline = residentMiB(daemon.pid);
    const clients: TestClient[] = [];
    for (let i = 0; i < subscribers; i++) {
      const client = await openClient();
      client.send({ type: "subscribe", topics: ["cells", "counts", "frames", "status"] });
      await client.next("subscriptions");
      client.socket.pause();
      clients.push(client);
    }
    const crowded = (await fieldsOver(seconds * 1000)) * (5 / seconds);
    const grown = residentMiB(daemon.pid) - baseline;
    tell(5, {
      subscribers,
      seconds,
      baselineMiB: baseline,
      grownMiB: grown,
      fieldsBefore: alone,
      fieldsBeside: crowded,
    });
    expect(grown).toBeLessThan((subscribers * 256) / 1024 + 0.1 * baseline);
    expect(crowded).toBeGreaterThan(0.9 * alone - 2);
    await reader.settle();
    await reader.next("counts");
    for (const client of clients) client.socket.terminate();
    await untilTrue(async () => (await daemon.metric("cytostream_ws_clients")) === 1);
  });
});

describe("a slow client that comes back (promise 6)", () => {
  const rounds = times(50, 5);

  /** Many cells on a ground that no JPEG makes small: much to send, so that soon no more fits between daemon and client. */
  const richSmears = async (count: number): Promise<string> => {
    const folder = join(toy.folder, "rich");
    await mkdir(folder);
    const random = createRandom(6);
    const cells: ToyCell[] = [];
    for (let y = 24; y < toyField.height - 16; y += 40)
      for (let x = 24; x < toyField.width - 16; x += 40) cells.push({ kind: "erythrocyte", x, y });
    for (let index = 0; index < count; index++) {
      const { pixels } = toyFrame(cells, { ...toyField, umPerPixel: toyUmPerPixel });
      const noisy = pixels.map((value) => (value === 255 ? 195 + Math.floor(60 * random.next()) : value));
      await writeFile(join(folder, `${index}.png`), await encodePng({ ...toyField, pixels: noisy }));
    }
    return folder;
  };

  it(`${rounds} times: the newest counts within 1 s, every gap seen by its sequence`, async () => {
    await daemon[Symbol.asyncDispose]();
    daemon = await openOn(await richSmears(4));
    const fast = await subscribe(daemon, "counts");
    const slow = await subscribe(daemon, "counts", "cells");
    slow.send({ type: "subscribe", topics: ["frames"], options: { frames: { maxRateHz: 10 } } });
    await slow.next("subscriptions");
    const replaced = (): Promise<number> => daemon.metric('cytostream_ws_messages_replaced_total{topic="cells"}');
    const waits: number[] = [];
    let gaps = 0;
    let missed = 0;
    const seen: Record<"counts" | "cells", number> = { counts: 0, cells: 0 };
    /** Takes messages up to the next of a topic. */
    const take = async (topic: "counts" | "cells"): Promise<number> => {
      for (;;) {
        const message = await slow.message();
        if (!("type" in message) || (message.type !== "counts" && message.type !== "cells")) continue;
        const last = seen[message.type];
        expect(message.sequence).toBeGreaterThan(last);
        seen[message.type] = message.sequence;
        if (message.type === "cells" && last > 0 && message.sequence > last + 1) {
          gaps++;
          missed += message.sequence - last - 1;
        }
        if (message.type === topic) return message.sequence;
      }
    };
    await take("cells");
    for (let round = 0; round < rounds; round++) {
      slow.socket.pause();
      const before = await replaced();
      await untilTrue(async () => {
        // It lives: a client that gives no sign is cut off.
        slow.socket.pong();
        return (await replaced()) >= before + 2;
      }, 500);
      await fast.settle();
      const newest = (await fast.next("counts")).sequence;
      const startedMs = performance.now();
      slow.socket.resume();
      while ((await take("counts")) < newest);
      waits.push(performance.now() - startedMs);
      await take("cells");
    }
    tell(6, { rounds, gaps, missed, replaced: await replaced(), worstMs: Math.max(...waits) });
    expect(gaps).toBeGreaterThanOrEqual(rounds);
    // What the sequence shows is what the daemon says that it left out.
    expect(missed).toBe(await replaced());
    expect(Math.max(...waits)).toBeLessThan(1000);
  });
});

const messages = [
  '{"type":"subscribe","topics":["counts","cells"],"options":{"counts":{"maxRateHz":4}}}',
  '{"type":"unsubscribe","topics":["counts"]}',
  '{"type":"resume","session":"abc","token":"def","lastSequence":{"counts":3}}',
  '{"type":"ping","id":"x"}',
];

/** One of the messages with bytes changed, taken out, doubled, or cut off. */
const mutated = (random: ReturnType<typeof createRandom>): Buffer => {
  let bytes = Buffer.from(messages[Math.floor(random.next() * messages.length)]!);
  for (let edits = 1 + Math.floor(random.next() * 4); edits > 0; edits--) {
    const at = Math.floor(random.next() * bytes.length);
    const kind = Math.floor(random.next() * 4);
    if (kind === 0) bytes[at] = Math.floor(random.next() * 256);
    else if (kind === 1) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
    else if (kind === 2) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(0, at), bytes.subarray(at)]);
    else bytes = Buffer.from(bytes.subarray(0, at));
    if (bytes.length === 0) bytes = Buffer.from("{");
  }
  return bytes;
};

describe("mutated messages (promise 8)", () => {
  const total = times(1_000_000, 36_000);
  const perConnection = 6;

  it(`${total}: each answered by a code or a close, no crash, memory within 5 %`, async () => {
    const random = createRandom(8);
    const outcomes: Record<string, number> = {};
    const note = (outcome: string): void => {
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    };
    /** Sends some and waits until all are answered: the answers to pings after them, or the close. */
    const oneConnection = async (): Promise<void> => {
      const client = await openClient();
      for (let i = 0; i < perConnection; i++) client.socket.send(mutated(random), { binary: random.next() < 0.05 });
      try {
        for (const message of await client.settle()) {
          if ("type" in message) note(message.type === "error" ? message.code : message.type);
        }
      } catch {
        note(`closed ${client.closeCode}`);
        expect([1003, 1007, 1008, 1009]).toContain(client.closeCode);
      }
      client.socket.terminate();
    };
    const batch = async (count: number): Promise<void> => {
      for (let sent = 0; sent < count; sent += 8 * perConnection) {
        await Promise.all(Array.from({ length: 8 }, oneConnection));
      }
    };
    // The heap takes its working size first.
    const first = Math.min(total / 2, 100_000);
    await batch(first);
    const baseline = residentMiB(daemon.pid);
    await batch(total - first);
    const drift = residentMiB(daemon.pid) / baseline - 1;
    tell(8, { messages: total, ...outcomes, baselineMiB: baseline, driftPercent: 100 * drift });
    expect(drift * baseline).toBeLessThan(0.05 * baseline);
    expect((await daemon.get("/healthz")).status).toBe(200);
  });
});

describe("messages that are too long or in too many parts (promise 9)", () => {
  const rounds = times(200, 30);

  // That it takes at most 100 ms is for the bench `closing` to say: a test on a busy machine cannot.
  it(`${rounds} of each: closed with 1009 and 1008, others unharmed`, async () => {
    const other = await openClient();
    const waits: number[] = [];
    const misbehave = async (act: (socket: WebSocket) => void, code: number): Promise<void> => {
      const client = await openClient();
      const startedMs = performance.now();
      act(client.socket);
      expect(await client.closed()).toBe(code);
      waits.push(performance.now() - startedMs);
    };
    for (let round = 0; round < rounds; round++) {
      await misbehave((socket) => socket.send("x".repeat(65_537)), 1009);
      await misbehave((socket) => {
        for (let i = 0; i < 200; i++) socket.send("x", { fin: false });
      }, 1008);
    }
    tell(9, { rounds, medianMs: quantile(waits, 0.5), p99Ms: quantile(waits, 0.99), worstMs: Math.max(...waits) });
    await other.settle();
    expect(other.closeCode).toBeUndefined();
  });
});

describe("a client at 1,000 messages a second (promise 11)", () => {
  const seconds = times(60, 6);

  /** Round trips of a client that keeps the rules, ms. */
  const roundTrips = async (client: TestClient, forMs: number): Promise<number[]> => {
    const trips: number[] = [];
    for (const endMs = performance.now() + forMs; performance.now() < endMs; await pass(80)) {
      const startedMs = performance.now();
      client.send({ type: "ping", id: "trip" });
      await client.next("pong");
      trips.push(performance.now() - startedMs);
    }
    return trips;
  };

  it(`for ${seconds} s: limited, the others as before`, async () => {
    const good = await openClient();
    await roundTrips(good, 1000);
    const before = await roundTrips(good, seconds * 1000);
    let closings = 0;
    let refused = 0;
    let over = false;
    const flood = async (): Promise<void> => {
      while (!over) {
        const client = await openClient();
        client.socket.on("message", (data: Buffer) => {
          if (data.includes("MESSAGE_RATE")) refused++;
        });
        const timer = setInterval(() => {
          for (let i = 0; i < 10 && client.closeCode === undefined; i++) client.socket.send('{"type":"ping"}');
        }, 10);
        if ((await client.closed()) === 1008) closings++;
        clearInterval(timer);
      }
    };
    const flooding = flood();
    const beside = await roundTrips(good, seconds * 1000);
    over = true;
    await flooding;
    tell(11, {
      ...{ seconds, closings, refused },
      ...{ p99BeforeMs: quantile(before, 0.99), p99BesideMs: quantile(beside, 0.99) },
    });
    expect(closings).toBeGreaterThan(0);
    expect(refused).toBeGreaterThan(0);
    expect(good.closeCode).toBeUndefined();
    // Far coarser than the promise, which the benches measure: only that nobody waits behind the flood.
    expect(quantile(beside, 0.95)).toBeLessThan(quantile(before, 0.95) + 50);
  });
});
