import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { checkLaboratory } from "../../src/cli/checkLaboratory.js";
import {
  checkCameras,
  checkDataSets,
  checkFfmpeg,
  checkMachine,
  checkModels,
  checkNode,
  checkProviders,
  checkSerialPorts,
  checkTensorFlow,
} from "../../src/cli/checks.js";
import { laboratoryPaths, lockDirectory } from "../../src/store/index.js";

const folder = mkdtempSync(join(tmpdir(), "cytostream-doctor-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("doctor", () => {
  it("tells supported versions of Node from others", () => {
    for (const version of ["20.19.0", "20.20.2", "22.0.0", "24.1.0"]) expect(checkNode(version).state).toBe("ok");
    for (const version of ["18.20.0", "20.18.9"]) {
      expect(checkNode(version)).toMatchObject({ state: "broken", remedy: expect.stringContaining("20.19") });
    }
  });

  it("knows every execution provider, and a remedy for each that is not there", async () => {
    const checks = await checkProviders();
    expect(checks.map((check) => check.name)).toContain("provider cpu");
    expect(checks.find((check) => check.name === "provider cpu")).toMatchObject({ state: "ok" });
    for (const check of checks) if (check.state !== "ok") expect(check.remedy, check.name).toBeTruthy();
  });

  it("reads ffmpeg's version, and tells what to install without it", async () => {
    const program = join(folder, "ffmpeg");
    writeFileSync(program, "#!/bin/sh\necho 'ffmpeg version 7.1-test Copyright'\n");
    chmodSync(program, 0o755);
    expect(await checkFfmpeg(program)).toEqual({ name: "ffmpeg", state: "ok", detail: "7.1-test" });
    expect(await checkFfmpeg(join(folder, "absent"))).toMatchObject({
      state: "lacking",
      remedy: expect.stringContaining("Install"),
    });
  });

  it("tells where the laboratory lies, and who works there", async () => {
    const paths = laboratoryPaths(join(folder, "laboratory"));
    expect(await checkLaboratory(paths)).toMatchObject({ state: "ok", detail: expect.stringContaining("first start") });
    await using lock = await lockDirectory(paths);
    await lock.noteUrl("http://127.0.0.1:1/");
    const { state, detail } = await checkLaboratory(paths);
    expect(state).toBe("ok");
    expect(detail).toContain(`process ${process.pid} works there at http://127.0.0.1:1/`);
  });

  it("lists the cameras by their manifests", async () => {
    const names = (await checkCameras()).map((check) => check.name);
    expect(names).toEqual(expect.arrayContaining(["camera ffmpeg", "camera folder", "camera virtual"]));
  });

  it("says when there is no sound detector", async () => {
    expect(await checkModels(join(folder, "absent"))).toMatchObject([
      { name: "models", state: "broken", remedy: expect.any(String) },
    ]);
    mkdirSync(join(folder, "models", "unet", "1.0.0"), { recursive: true });
    writeFileSync(join(folder, "models", "unet", "1.0.0", "manifest.json"), "{}");
    const checks = await checkModels(join(folder, "models"));
    expect(checks.map(({ name, state }) => [name, state])).toEqual([
      ["model unet 1.0.0", "broken"],
      ["models", "broken"],
    ]);
  });

  it("never fails, whatever it finds", async () => {
    expect(checkMachine().state).toBe("ok");
    expect(["ok", "lacking"]).toContain((await checkSerialPorts()).state);
    expect((await checkDataSets(join(folder, "absent"))).state).toBe("lacking");
    mkdirSync(join(folder, "data", "mine"), { recursive: true });
    expect(await checkDataSets(join(folder, "data"))).toMatchObject({ state: "ok", detail: "mine" });
  });

  it("tells of TensorFlow what is there, and how to get what is not", () => {
    const require = createRequire(join(folder, "x.js"));
    const lacking = { state: "lacking", remedy: expect.stringContaining("npm run setup:tensorflow") };
    expect(checkTensorFlow(require)).toMatchObject(lacking);
    const packageFolder = join(folder, "node_modules", "@tensorflow", "tfjs-node-gpu");
    for (const part of [join("lib", "napi-v8"), join("deps", "lib")]) {
      mkdirSync(join(packageFolder, part), { recursive: true });
    }
    writeFileSync(join(packageFolder, "package.json"), "{}");
    expect(checkTensorFlow(require)).toMatchObject({ ...lacking, detail: expect.stringContaining("not built") });
    writeFileSync(join(packageFolder, "lib", "napi-v8", "tfjs_binding.node"), "");
    expect(checkTensorFlow(require)).toMatchObject({
      state: "ok",
      detail: expect.stringContaining("another installer"),
    });
    writeFileSync(join(packageFolder, "deps", "cytostream.json"), '{ "version": "2.15.1", "cuda": false }');
    expect(checkTensorFlow(require)).toMatchObject({ ...lacking, detail: expect.stringContaining("gone") });
    writeFileSync(join(packageFolder, "deps", "lib", "libtensorflow.so"), "");
    expect(checkTensorFlow(require)).toMatchObject({ state: "ok", detail: "2.15.1 for processors, binding built" });
  });
});
