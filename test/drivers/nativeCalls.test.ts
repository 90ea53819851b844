import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { NativeCalls } from "../../drivers/cameras/virtual/nativeCalls.js";

describe("calls into native code", () => {
  it("are let return before their thread may be ended; none begins after that", async () => {
    const calls = new NativeCalls();
    const returns: (() => void)[] = [];
    const call = () => calls.make(() => new Promise<void>((resolve) => returns.push(resolve)));
    const [first, second] = [call(), call()];
    expect(calls.end()).toBe(false);
    returns[0]!();
    await first;
    expect(calls.end()).toBe(false);
    const failing = calls.make(() => Promise.reject(new Error("no")));
    await expect(failing).rejects.toThrow("no");
    returns[1]!();
    await second;
    expect(calls.end()).toBe(true);
    expect(calls.end()).toBe(true);
    await expect(call()).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
    expect(returns).toHaveLength(2);
  });

  it("are counted over threads, each either made before the end or refused", async () => {
    const calls = new NativeCalls();
    // The same protocol, in a thread that does nothing else.
    const script = `
      const { parentPort, workerData } = require("node:worker_threads");
      const count = new Int32Array(workerData);
      let made = 0;
      parentPort.postMessage("begun");
      for (;;) {
        const before = Atomics.load(count, 0);
        if (before === -1) break;
        if (Atomics.compareExchange(count, 0, before, before + 1) !== before) continue;
        made++;
        Atomics.sub(count, 0, 1);
      }
      parentPort.postMessage(made);`;
    const worker = new Worker(script, { eval: true, workerData: calls.memory });
    await once(worker, "message");
    const made = once(worker, "message");
    for (let own = 0; own < 100; own++) await calls.make(async () => expect(calls.end()).toBe(false));
    while (!calls.end());
    expect((await made)[0]).toBeGreaterThan(0);
    await expect(calls.make(async () => undefined)).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
  });
});
