import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type CudaRelease,
  cudaRelease,
  onnxruntimeDirectory,
  setupCuda,
  type Wheel,
  wheelDirectory,
} from "../../src/setup/index.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cytostream-cuda-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Puts a wheel's members into a cache as if they had been fetched. */
const fetched = (cache: string, wheel: Wheel, files: Readonly<Record<string, string>>): void => {
  const root = wheelDirectory(cache, wheel);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  writeFileSync(join(root, "complete"), "");
};

const wheel = (name: string): Wheel => ({ name, version: "1", sha256: name.padEnd(64, "0"), unpackedMb: 1 });
const release: CudaRelease = { version: "1", provider: wheel("provider"), libraries: [wheel("a"), wheel("b")] };

const prepared = () => {
  const [cache, libraryDirectory] = [join(folder, "cache"), join(folder, "onnxruntime")];
  mkdirSync(libraryDirectory);
  fetched(cache, release.provider, {
    "onnxruntime/capi/libonnxruntime_providers_shared.so": "shared",
    "onnxruntime/capi/libonnxruntime_providers_cuda.so": "cuda",
  });
  fetched(cache, release.libraries[0]!, { "nvidia/cu13/lib/liba.so.13": "a", "nvidia/cu13/include/a.h": "" });
  fetched(cache, release.libraries[1]!, { "nvidia/cudnn/lib/libb.so.9": "b" });
  const notes: string[] = [];
  const note = (text: string): void => void notes.push(text);
  return { setup: { release, cache, libraryDirectory, environment: {}, note }, notes, libraryDirectory };
};

describe("the CUDA provider", () => {
  it("is of the version of the library that it belongs to", async () => {
    if (process.platform !== "linux" || process.arch !== "x64") return;
    expect(readdirSync(await onnxruntimeDirectory(cudaRelease))).toContain("libonnxruntime.so.1");
    await expect(onnxruntimeDirectory({ ...cudaRelease, version: "0.1.0" })).rejects.toMatchObject({
      code: "SETUP_FAILED",
      message: expect.stringContaining("the CUDA provider 0.1.0"),
    });
  });

  it("is refused on machines that it is not made for", async () => {
    const windows = { platform: "win32", arch: "x64" };
    await expect(onnxruntimeDirectory(cudaRelease, windows)).rejects.toMatchObject({ code: "SETUP_FAILED" });
  });

  it("is put beside onnxruntime's library, once", async () => {
    const { setup, notes, libraryDirectory } = prepared();
    expect(await setupCuda({ ...setup, withLibraries: false })).toBeUndefined();
    expect(readFileSync(join(libraryDirectory, "libonnxruntime_providers_cuda.so"), "utf8")).toBe("cuda");
    await setupCuda({ ...setup, withLibraries: false });
    expect(notes.filter((text) => text.includes("put into"))).toHaveLength(2);
    expect(notes.filter((text) => text.includes("in its place"))).toHaveLength(2);
  });

  it("comes with one folder of NVIDIA's libraries, where they are asked for", async () => {
    const { setup } = prepared();
    const libraries = await setupCuda({ ...setup, withLibraries: true });
    expect(readdirSync(libraries!).sort()).toEqual(["liba.so.13", "libb.so.9"]);
    expect(readFileSync(join(libraries!, "libb.so.9"), "utf8")).toBe("b");
  });

  it("tells its command", () => {
    const main = join(import.meta.dirname, "../../src/setup/cudaMain.ts");
    const text = execFileSync(process.execPath, ["--import", "tsx", main, "--help"], { encoding: "utf8" });
    expect(text).toContain("setup:cuda -- --libraries");
  });
});
