import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { startDaemonProcess } from "./program.js";
import { subscribe } from "./streamClient.js";
import { openToySetting, type ToySetting } from "./toySetting.js";

// Daemons are started from source where nothing is built, and compiled on the way: slow on a busy machine.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let toy: ToySetting;
beforeAll(async () => {
  toy = await openToySetting();
});
afterAll(() => toy.remove());

it("every topic of a daemon without a stage tells its state, as the protocol has it, and nothing is logged as a fault", async () => {
  const smears = await toy.smears("topics", 4);
  const settings = [...toy.settings, "camera.name=folder", `camera.source=${smears}`];
  await using daemon = await startDaemonProcess([...settings, "camera.options.repeat=true"]);
  await daemon.until("camera.running");
  // Each by a client of its own: what is told once comes at once.
  for (const topic of ["status", "counts", "cells", "labels", "jobs"] as const)
    expect((await (await subscribe(daemon, topic)).next(topic)).type).toBe(topic);
  const { models, promotion } = await (await subscribe(daemon, "models")).next("models");
  expect(models.length).toBeGreaterThanOrEqual(2);
  expect(promotion).toMatchObject({ kind: "initial", network: expect.stringMatching(/^(detector|classifier)$/) });
  expect(daemon.log.filter(({ level }) => level === "error")).toEqual([]);
});
