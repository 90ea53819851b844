import { once } from "node:events";
import { chdir, cwd } from "node:process";
import { describe, expect, it } from "vitest";
import { cellClasses, launchOf, spawnWorker } from "../../src/core/index.js";

describe("spawnWorker", () => {
  it("runs a module from TypeScript source, imports included, from any working directory", async () => {
    const before = cwd();
    chdir("/");
    try {
      const worker = spawnWorker(new URL("./fixtures/echoWorker.js", import.meta.url), { workerData: 7 });
      worker.postMessage("hello");
      const [answer] = await once(worker, "message");
      expect(answer).toEqual({ message: "hello", workerData: 7, classes: cellClasses.length });
      await worker.terminate();
    } finally {
      chdir(before);
    }
  });

  it("keeps the arguments that the caller gives", () => {
    expect(launchOf(new URL("./fixtures/echoWorker.js", import.meta.url)).execArgv[0]).toBe("--import");
  });

  it("names a module that is not there", () => {
    expect(() => spawnWorker(new URL("./fixtures/absent.js", import.meta.url))).toThrowError(
      expect.objectContaining({ code: "INTERNAL", message: expect.stringContaining("absent.js") }),
    );
  });
});
