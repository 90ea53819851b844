import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { descriptorsOf, residentMiB, startDaemonProcess } from "../integration/program.js";
import { countsWhere, subscribe } from "../integration/streamClient.js";
import { openToySetting, type ToySetting } from "../integration/toySetting.js";
import { pass, tell, times, untilTrue } from "./counts.js";

/** Slope of a straight line through the points, by least squares. */
const slopeOf = (points: readonly (readonly [x: number, y: number])[]): number => {
  const mean = (of: (point: readonly [number, number]) => number): number =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [mx, my] = [mean(([x]) => x), mean(([, y]) => y)];
  const across = points.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0);
  return across / points.reduce((sum, [x]) => sum + (x - mx) ** 2, 0);
};

let toy: ToySetting;
beforeAll(async () => {
  toy = await openToySetting();
});
afterAll(() => toy.remove());

describe("a soak (promise 25)", () => {
  const seconds = times(4 * 3600, 60);

  it(`of ${seconds} s: descriptors and memory flat, then SIGTERM ends it within 10 s`, async () => {
    const source = await toy.smears("long", 10);
    await using daemon = await startDaemonProcess([
      ...toy.settings,
      ...["camera.name=folder", `camera.source=${source}`, "camera.options.repeat=true"],
      "camera.options.framesPerSecond=20",
    ]);
    // Clients come and go all the while.
    let over = false;
    let visits = 0;
    const visiting = (async () => {
      while (!over) {
        const client = await subscribe(daemon, "counts", "cells", "frames", "status");
        await client.next("counts");
        await pass(400);
        client.socket.terminate();
        visits++;
      }
    })();
    await pass(Math.min(20_000, seconds * 250));
    const descriptors = descriptorsOf(daemon.pid);
    const points: [number, number][] = [];
    const started = performance.now();
    await untilTrue(() => {
      points.push([(performance.now() - started) / 3_600_000, residentMiB(daemon.pid)]);
      return performance.now() - started > seconds * 1000;
    }, 500);
    over = true;
    await visiting;
    const fields = await daemon.metric("cytostream_frames_processed_total");
    const first = points[0]![1];
    const last = points.at(-1)![1];
    const lost = descriptorsOf(daemon.pid) - descriptors;
    const ending = await daemon.stop();
    tell(25, {
      ...{ seconds, fields, visits, firstMiB: first, lastMiB: last, slopeMiBPerHour: slopeOf(points) },
      ...{ descriptors, lost, endedAfterMs: ending.afterMs },
    });
    expect(Math.abs(lost)).toBeLessThanOrEqual(5);
    // A slope per hour is told by hours only; in a minute the heap's own breathing is more.
    if (seconds >= 3600) expect(slopeOf(points)).toBeLessThan(1);
    else expect(last).toBeLessThan(1.15 * first);
    expect(ending.code).toBe(0);
    expect(ending.afterMs).toBeLessThan(10_000);
  });

  const replays = times(20, 2);

  it(`${replays} replays give identical counts`, async () => {
    const pictures = 30;
    const source = await toy.smears("replayed", pictures);
    const seen: unknown[] = [];
    for (let replay = 0; replay <= replays; replay++) {
      await using daemon = await startDaemonProcess([
        ...toy.settings,
        ...["camera.name=folder", `camera.source=${source}`],
      ]);
      const client = await subscribe(daemon, "counts");
      const counts = await countsWhere(client, ({ fields }) => fields.counted + fields.repeated === pictures);
      const { sequence: _sequence, publishedAtMs: _publishedAtMs, ...rest } = counts;
      seen.push(rest);
    }
    tell(25, { replays, pictures });
    for (const other of seen) expect(other).toEqual(seen[0]);
  });
});
