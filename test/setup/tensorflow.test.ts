import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { bindingFile, findTensorFlow, libraryFile, recordFile, requireTensorFlow } from "../../src/engine/index.js";
import {
  cacheDirectory,
  compilerArguments,
  fetchWheel,
  findCompiler,
  findNodeHeaders,
  findPython,
  isFetched,
  releaseFor,
  requireSpace,
  runTool,
  setupTensorFlow,
  sha256Of,
  type Wheel,
  wheelDirectory,
  wheelsOf,
} from "../../src/setup/index.js";
import { python, requireTool } from "../requirements.js";

const code = (name: string) => expect.objectContaining({ name: "CytoError", code: name });
const failed = (message: string) =>
  expect.objectContaining({ code: "SETUP_FAILED", message: expect.stringContaining(message) });

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cytostream-setup-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const script = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
  return path;
};

describe("the cache's folder", () => {
  it("is the one named, the user's, or the one in the home folder", () => {
    expect(cacheDirectory({ CYTOSTREAM_CACHE_DIR: "/a", XDG_CACHE_HOME: "/b", HOME: "/c" })).toBe("/a");
    expect(cacheDirectory({ XDG_CACHE_HOME: "/b", HOME: "/c" })).toBe("/b/cytostream");
    expect(cacheDirectory({ XDG_CACHE_HOME: "", HOME: "/c" })).toBe("/c/.cache/cytostream");
  });

  it("must have room", async () => {
    await requireSpace(folder, 1);
    await expect(requireSpace(folder, 1e12)).rejects.toEqual(failed("MB are needed"));
  });
});

describe("what is fetched", () => {
  it("is pinned by hash, one library and for GPUs the twelve of CUDA", () => {
    const linux = { platform: "linux", arch: "x64" };
    const [processors, gpus] = [releaseFor(false, linux), releaseFor(true, linux)];
    expect(wheelsOf(processors)).toHaveLength(1);
    expect(wheelsOf(gpus)).toHaveLength(13);
    const wheels = [...wheelsOf(processors), ...wheelsOf(gpus)];
    for (const { sha256 } of wheels) expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(new Set(wheels.map(({ sha256 }) => sha256)).size).toBe(wheels.length);
    expect(() => releaseFor(false, { platform: "darwin", arch: "arm64" })).toThrowError(failed("darwin"));
    expect(() => releaseFor(false, { platform: "linux", arch: "arm64" })).toThrowError(failed("arm64"));
  });
});

describe("tools", () => {
  it("are found, or what to install is told", async () => {
    const answering = script("answering", "exit 0");
    const silent = script("silent", "exit 1");
    expect(await findPython({ PYTHON: answering })).toBe(answering);
    expect(await findCompiler({ CXX: answering })).toBe(answering);
    await expect(findCompiler({ CXX: silent })).rejects.toEqual(failed("no C++ compiler"));
    expect(() => findNodeHeaders(join(folder, "bin", "node"), createRequire(join(folder, "x.js")))).toThrowError(
      failed("headers"),
    );
    mkdirSync(join(folder, "include", "node"), { recursive: true });
    writeFileSync(join(folder, "include", "node", "node_api.h"), "");
    expect(findNodeHeaders(join(folder, "bin", "node"))).toBe(join(folder, "include", "node"));
  });

  it("that fail are quoted, and those that hang are ended", async () => {
    const loud = script("loud", "echo wrong >&2; exit 3");
    await expect(runTool(loud, ["x"], 5000)).rejects.toEqual(failed("wrong"));
    await expect(runTool(script("hanging", "exec sleep 30"), [], 200)).rejects.toEqual(failed("longer than"));
    await expect(runTool(join(folder, "absent"), [], 5000)).rejects.toEqual(failed("absent"));
  });

  it("compile what the package's own description names", () => {
    const args = compilerArguments({ packageDirectory: "/p", headers: "/h" });
    expect(args).toEqual(
      expect.arrayContaining(["-DNAPI_VERSION=8", "/p/binding/tfjs_binding.cc", "-ltensorflow", "/h"]),
    );
    expect(args.at(-1)).toBe(`${join("/p", bindingFile)}.new`);
    expect(args).toContain("-Wl,-rpath,$ORIGIN/../../deps/lib");
  });
});

/** A pip that puts a small wheel where it is told to, and counts how often it was asked. */
const fakePip = (wheelFile: string): string =>
  script(
    "python",
    `if [ "$1" = -c ]; then exec "${python}" "$@"; fi
echo x >> "${folder}/asked"
while [ $# -gt 1 ]; do if [ "$1" = --dest ]; then cp "${wheelFile}" "$2/"; fi; shift; done`,
  );

describe.skipIf(!requireTool("python3"))("fetching a wheel (needs python3)", () => {
  let wheel: Wheel;
  let cache: string;
  const notes: string[] = [];
  beforeEach(async () => {
    const file = join(folder, "toy-1-py3-none-any.whl");
    const make =
      "import sys,zipfile\nz=zipfile.ZipFile(sys.argv[1],'w')\nz.writestr('toy/lib.so','LIB')\nz.writestr('toy/doc','D')";
    execFileSync(python, ["-c", make, file]);
    wheel = { name: "toy", version: "1", sha256: await sha256Of(file), unpackedMb: 1 };
    cache = join(folder, "cache");
    fakePip(file);
  });
  const fetch = (wanted: Wheel) =>
    fetchWheel({
      wheel: wanted,
      members: ["toy/lib"],
      python: join(folder, "python"),
      cache,
      note: (text) => notes.push(text),
    });
  const asked = () => (existsSync(join(folder, "asked")) ? 1 : 0);

  it("takes the members asked for, once", async () => {
    expect(await isFetched(cache, wheel)).toBe(false);
    const directory = await fetch(wheel);
    expect(directory).toBe(wheelDirectory(cache, wheel));
    expect(readdirSync(join(directory, "toy"))).toEqual(["lib.so"]);
    expect(readdirSync(join(cache, "wheels"))).toHaveLength(1);
    rmSync(join(folder, "asked"));
    expect(await fetch(wheel)).toBe(directory);
    expect(asked()).toBe(0);
  });

  it("refuses one with another hash and leaves nothing of it", async () => {
    await expect(fetch({ ...wheel, sha256: "0".repeat(64) })).rejects.toEqual(failed("SHA-256"));
    expect(readdirSync(join(cache, "wheels"))).toEqual([]);
  });

  it("starts anew where an earlier one was cut off, and takes its remains away", async () => {
    mkdirSync(join(wheelDirectory(cache, wheel), "toy"), { recursive: true });
    writeFileSync(join(wheelDirectory(cache, wheel), "toy", "half"), "");
    const [stale, fresh] = [".new-stale", ".new-fresh"].map((name) => join(cache, "wheels", name)) as [string, string];
    for (const path of [stale, fresh]) mkdirSync(path);
    const longAgo = new Date(Date.now() - 2 * 60 * 60_000);
    utimesSync(stale, longAgo, longAgo);
    expect(readdirSync(join(await fetch(wheel), "toy"))).toEqual(["lib.so"]);
    expect([existsSync(stale), existsSync(fresh)]).toEqual([false, true]);
  });
});

describe("the state of the binding", () => {
  const place = (): NodeJS.Require => {
    const packageDirectory = join(folder, "node_modules", "@tensorflow", "tfjs-node-gpu");
    mkdirSync(packageDirectory, { recursive: true });
    writeFileSync(join(packageDirectory, "package.json"), "{}");
    return createRequire(join(folder, "x.js"));
  };
  const write = (file: string, text = "") => {
    const path = join(folder, "node_modules", "@tensorflow", "tfjs-node-gpu", file);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, text);
  };

  it("is told from the files, and what is missing with a remedy", () => {
    expect(findTensorFlow(createRequire(join(folder, "x.js"))).state).toBe("noPackage");
    const require = place();
    expect(findTensorFlow(require).state).toBe("notBuilt");
    write(bindingFile);
    expect(findTensorFlow(require)).toMatchObject({ state: "ready", record: undefined });
    write(recordFile, JSON.stringify({ version: "2.15.1", cuda: false, wheels: {} }));
    expect(findTensorFlow(require).state).toBe("libraryGone");
    write(libraryFile);
    const ready = findTensorFlow(require);
    expect(ready).toMatchObject({ state: "ready", record: { version: "2.15.1" } });
    requireTensorFlow(ready);
    for (const state of ["noPackage", "notBuilt", "libraryGone"] as const) {
      expect(() => requireTensorFlow({ state, packageDirectory: folder })).toThrowError(
        expect.objectContaining({
          code: "TENSORFLOW_UNAVAILABLE",
          remedy: expect.stringContaining("setup:tensorflow"),
        }),
      );
    }
  });

  it("is not changed by a set-up that lacks a tool", async () => {
    place();
    const packageDirectory = join(folder, "node_modules", "@tensorflow", "tfjs-node-gpu");
    const release = {
      version: "1",
      cuda: false,
      library: { name: "toy", version: "1", sha256: "0", unpackedMb: 1 },
      nvidia: [],
    };
    const environment = { CXX: join(folder, "absent") };
    const cache = join(folder, "cache");
    await expect(
      setupTensorFlow({ release, packageDirectory, cache, environment, note: () => undefined }),
    ).rejects.toEqual(code("SETUP_FAILED"));
    expect(readdirSync(packageDirectory)).toEqual(["package.json"]);
  });
});
