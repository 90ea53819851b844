import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, type TestContext, vi } from "vitest";
import { register as calibrate } from "../../src/cli/calibrate.js";
import { register as focus } from "../../src/cli/focus.js";
import { createProgram, describeFailure } from "../../src/cli/program.js";
import { register as scan } from "../../src/cli/scan.js";
import { register as stage } from "../../src/cli/stage.js";
import { createScanDesk, type ScanRecord } from "../../src/scan/index.js";
import { laboratoryPaths, lockDirectory } from "../../src/store/index.js";
import { openPublication, until } from "../publication/harness.js";
import { newFolder, settled } from "../scan/scanning.js";
import { toyMicroscope, toyRequest, toySlide } from "../scan/toyMicroscope.js";

const cli = async (root: string, ...words: readonly string[]) => {
  let stdout = "";
  const write = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    stdout += text;
    return true;
  });
  try {
    const program = createProgram("0.1.0");
    for (const register of [scan, stage, calibrate, focus]) register(program);
    // Negative positions follow `--`, options stand before it.
    const end = words.indexOf("--") < 0 ? words.length : words.indexOf("--");
    const given = [...words.slice(0, end), "--data-dir", root, ...words.slice(end)];
    await program.parseAsync(["node", "cytostream", ...given]);
    return { stdout, failure: undefined };
  } catch (error) {
    return { stdout, failure: describeFailure(error, false) };
  } finally {
    write.mockRestore();
  }
};

/** A data directory whose scans are made by a desk over the toy's devices; nobody holds it. */
const laboratory = async () => {
  const root = await newFolder();
  const toy = toyMicroscope(laboratoryPaths(root).scans, toySlide(11));
  return { root, toy, desk: createScanDesk(toy.options) };
};

/** The same, held by a daemon that answers. */
const withDaemon = async (context: TestContext) => {
  const all = await laboratory();
  const lock = await lockDirectory(laboratoryPaths(all.root));
  context.onTestFinished(() => lock[Symbol.asyncDispose]());
  context.onTestFinished(() => all.desk[Symbol.asyncDispose]());
  const publication = await openPublication(context, { desks: { scans: all.desk } });
  await lock.noteUrl(publication.url);
  const json = async (...words: readonly string[]) => {
    const { stdout, failure } = await cli(all.root, ...words, "--json");
    expect(failure).toBeUndefined();
    return JSON.parse(stdout);
  };
  return { ...all, json, url: publication.url };
};

const region = ["--region", "0,0,330,200", "--overlap", "0.2"];

describe("cytostream scan with a daemon", () => {
  it("begins one, follows it to its end, and shows its counts", async (context) => {
    const { root, desk } = await withDaemon(context);
    const { stdout, failure } = await cli(root, "scan", "start", "--slide", "S-9", ...region, "--follow");
    expect(failure).toBeUndefined();
    expect(stdout).toMatch(/complete +S-9; 20 of 20 fields.*simulated/);
    expect(stdout).toMatch(/erythrocyte +\d+ +\d+ to \d+/);
    expect(await desk.list()).toMatchObject([{ slide: "S-9", fieldsDone: 20 }]);
  });

  it("passes on stop rules and a list of places", async (context) => {
    const { root, json, desk } = await withDaemon(context);
    const file = join(root, "places.csv");
    await writeFile(file, "40,30\n120,30\n200,30\n");
    const stop = ["--stop", "fields=2", "--stop", "leukocytes=5000"];
    const { id } = await json("scan", "start", "--slide", "S-2", "--plan", "list", "--list", file, ...stop);
    expect(await settled(desk, id)).toMatchObject({
      fieldsPlanned: 3,
      fieldsDone: 2,
      stop: { fields: 2, leukocytes: 5000 },
    });
  });

  it("pauses, resumes and aborts the one under way, and says so where there is none", async (context) => {
    const { root, json, toy } = await withDaemon(context);
    toy.detectMs = 50;
    const { id }: ScanRecord = await json("scan", "start", "--slide", "S-3", ...region);
    expect(await json("scan", "status")).toMatchObject({ id, state: "running" });
    expect(await json("scan", "pause")).toMatchObject({ id, state: "paused" });
    expect(await json("scan", "resume", id)).toMatchObject({ id, state: "running" });
    expect(await json("scan", "abort")).toMatchObject({ id, state: "aborted" });
    expect((await cli(root, "scan", "pause")).failure?.lines[0]).toMatch(/^SCAN_NOT_FOUND/);
    expect((await cli(root, "scan", "resume", id)).failure?.lines[0]).toMatch(/^SCAN_ENDED/);
  });
});

describe("cytostream stage, calibrate and focus with a daemon", () => {
  it("say where the stage is, move it and declare its place", async (context) => {
    const { root, json } = await withDaemon(context);
    expect((await cli(root, "stage", "status")).stdout).toMatch(/^toy-stage ready; x .*toy: 0\.5000 um\/px/);
    const moved = await json("stage", "move", "30", "20");
    expect(moved.stage.positionUm).toMatchObject({ x: expect.closeTo(30), y: expect.closeTo(20) });
    const further = JSON.parse((await cli(root, "stage", "move", "--relative", "--json", "--", "-10", "5")).stdout);
    expect(further.stage.positionUm).toMatchObject({ x: expect.closeTo(20), y: expect.closeTo(25) });
    const declared = await json("stage", "declare", "1", "2", "3");
    expect(declared.stage.positionUm).toMatchObject({ x: expect.closeTo(1), y: expect.closeTo(2) });
    for (const words of [["focus"], ["calibrate", "optics"], ["calibrate", "light"]])
      expect((await cli(root, ...words)).failure?.lines[0]).toMatch(/^STAGE_UNSUPPORTED/);
  });

  it("stop a move that hangs", async (context) => {
    const { json, toy, url } = await withDaemon(context);
    toy.stage.moveMs = 3_600_000;
    const moving = fetch(`${url}v1/microscope/stage`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ action: "move", to: { x: 5 }, relative: false, by: "MK" }),
    });
    await until(() => toy.stage.status.state === "moving");
    expect(await json("stage", "stop")).toMatchObject({ stage: { state: "stopped" } });
    expect((await moving).status).not.toBe(200);
    expect(await json("stage", "release")).toMatchObject({ stage: { state: "ready" } });
  });
});

describe("without a daemon", () => {
  it("scans are listed, shown and exported from the data directory", async () => {
    const { root, desk } = await laboratory();
    const { id } = await desk.start(toyRequest());
    await settled(desk, id);
    await desk[Symbol.asyncDispose]();
    expect((await cli(root, "scan", "list")).stdout).toMatch(new RegExp(`^${id}  complete  S-1; 20 of 20 fields`));
    const shown = JSON.parse((await cli(root, "scan", "show", id, "--json")).stdout);
    expect(shown).toMatchObject({ id, fieldsDone: 20 });
    const out = join(root, "found");
    expect((await cli(root, "scan", "export", id, "--out", out)).failure).toBeUndefined();
    expect((await readdir(out)).length).toBeGreaterThan(2);
    expect((await cli(root, "scan", "show", "none")).failure?.lines[0]).toMatch(/^SCAN_NOT_FOUND/);
  });

  it.for([
    ["scan start --slide S --region 0,0,10,10"],
    ["scan status"],
    ["scan pause"],
    ["stage status"],
    ["stage stop"],
    ["calibrate light"],
    ["focus"],
  ] as const)("%s is NOT_READY, and says what to start", async ([words]) => {
    const { failure } = await cli(await newFolder(), ...words.split(" "));
    expect(failure?.lines[0]).toMatch(/^NOT_READY/);
    expect(failure?.lines.join("\n")).toContain("cytostream run");
  });
});
