import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { parseLimits } from "../../src/cli/deviceConformance.js";
import { portsByName } from "../../src/cli/serialPorts.js";
import { projectRoot } from "../../src/core/index.js";
import { PriorFirmware } from "../drivers/stages/emulators/prior.js";
import { EmulatedPort, needsSocat, socatThere } from "../drivers/stages/emulators/pty.js";
import { devicesCommand as cli } from "./devicesCommand.js";

afterEach(() => {
  process.exitCode = undefined;
});

const prior = (): PriorFirmware =>
  new PriorFirmware({ timeFactor: 1, speed: 2000, travel: { x: 4000, y: 4000, z: 4000 } });

const slowStage = (): readonly string[] => {
  const options = [`microscope=${randomUUID()}`, "speedUmPerS=2000", "accelerationUmPerS2=1000000"];
  return options.flatMap((option) => ["--set", option]);
};

/** Drawn once for each opening: a corner of it is enough. */
const smallSlide = [
  ...["painting=drawn", "framesPerSecond=0", "fieldWidthPx=128", "fieldHeightPx=96"],
  "region={ left: 1000, top: 1000, width: 70, height: 50 }",
].flatMap((option) => ["--set", option]);

describe("cytostream devices list", () => {
  it("names the drivers, what their sources are, and the ports", async () => {
    const { stdout, exitCode } = await cli("list");
    expect(exitCode).toBeUndefined();
    expect(stdout).toMatch(/^camera {2}virtual .*\(simulated\); source: /m);
    expect(stdout).toMatch(/^stage {3}prior .*; source: a serial port/m);
    expect(stdout).toMatch(/^port {4}\S/m);
    const listed = JSON.parse((await cli("list", "--json")).stdout);
    expect(listed.stages.drivers).toContainEqual(expect.objectContaining({ name: "zaber", simulated: false }));
    expect([listed.cameras.failures, listed.stages.failures]).toEqual([[], []]);
    expect(Array.isArray(listed.ports)).toBe(true);
    expect(Array.isArray(listed.connected)).toBe(true);
  });

  it("finds ports by their names where the system tells none", async (context) => {
    const folder = await mkdtemp(join(tmpdir(), "cytostream-ports-"));
    context.onTestFinished(() => rm(folder, { recursive: true }));
    await mkdir(join(folder, "serial", "by-id"), { recursive: true });
    for (const name of ["ttyUSB0", "ttyACM12", "ttyS0", "null", "ttyUSBx", "serial/by-id/usb-board-if00"])
      await writeFile(join(folder, name), "");
    const names = ["serial/by-id/usb-board-if00", "ttyACM12", "ttyUSB0"];
    expect(await portsByName(folder)).toEqual(names.map((name) => ({ path: join(folder, name) })));
    expect(await portsByName(join(folder, "none"))).toEqual([]);
  });
});

describe("cytostream devices probe", () => {
  it("tells what a stage is, and the size of a camera's frames", async () => {
    const stage = JSON.parse((await cli("probe", "virtual", "--kind", "stage", ...slowStage(), "--json")).stdout);
    expect(stage).toMatchObject({
      ...{ kind: "stage", name: "virtual", axes: ["x", "y", "z"], referenced: false, canHome: true },
      ...{ positionUm: { x: 0, y: 0, z: 0 }, identity: expect.stringContaining("virtual") },
    });
    const { stdout } = await cli("probe", "virtual", "--kind", "camera", ...smallSlide);
    expect(stdout).toMatch(/^simulated +yes$/m);
    expect(stdout).toMatch(/^width +128\nheight +96$/m);
  });

  it("asks which where both kinds have the name, and tells what it does not know", async () => {
    const both = await cli("probe", "virtual");
    expect(both.failure?.lines.join()).toMatch(/^USAGE.*--kind/);
    expect((await cli("probe", "priro")).failure?.lines.join()).toMatch(/^USAGE.*Did you mean prior\?/);
    const option = await cli("probe", "prior", "--source", "/dev/none", "--set", "bautRate=9600");
    expect(option.failure?.lines[0]).toMatch(/^CONFIG_UNKNOWN_KEY: stage\.options\.bautRate .*baudRate/);
    expect(await cli("probe", "prior", "--source", "/dev/none")).toMatchObject({
      failure: { lines: [expect.stringMatching(/^STAGE_PORT_NOT_FOUND/), expect.any(String)] },
      exitCode: 69,
    });
  });
});

describe("cytostream devices conformance", () => {
  it("moves no stage unless it is told that it may, and says where it would go", async () => {
    const { stdout, stderr, failure } = await cli("conformance", "virtual", "--kind", "stage", ...slowStage());
    expect(stderr).toContain("THE STAGE WILL MOVE: virtual, within x 0 to 1000 um, y 0 to 1000 um; z is left alone.");
    expect(failure).toMatchObject({
      exitCode: 64,
      lines: [expect.stringMatching(/^USAGE/), expect.stringMatching(/--yes/)],
    });
    expect(stdout).toBe("");
  });

  it("passes the virtual stage and the virtual camera", async () => {
    const words = [
      "conformance",
      "virtual",
      "--kind",
      "stage",
      ...slowStage(),
      "--limits",
      "x=0:2000,y=0:2000,z=-10:10",
    ];
    const stage = await cli(...words, "--home", "--yes");
    expect(stage.stdout).not.toContain("FAILED");
    expect(stage.stdout).toMatch(/^ok {6}stops on its way and stands$/m);
    expect(stage.stdout).toMatch(/^(\d+) of \1 checks passed$/m);
    expect(stage.stderr).toMatch(/z -10 to 10 um\.\n[\s\S]*LOOKS FOR ITS SWITCHES/);
    expect(stage.exitCode).toBeUndefined();
    const camera = await cli("conformance", "virtual", "--kind", "camera", ...smallSlide, "--json");
    expect(JSON.parse(camera.stdout)).toMatchObject({ ok: true, interrupted: false, kind: "camera", name: "virtual" });
    expect(camera.exitCode).toBeUndefined();
  });

  it("fails by its exit code, and moves nothing, where the stage stands elsewhere", async () => {
    const limits = ["--limits", "x=5000:6000,y=5000:6000", "--set", "referenced=true"];
    const run = await cli("conformance", "virtual", "--kind", "stage", ...slowStage(), ...limits, "--yes", "--json");
    const { ok, checks } = JSON.parse(run.stdout);
    expect(ok).toBe(false);
    expect(checks).toContainEqual({
      name: "knows where it is once it was declared, and nothing moves for it",
      ok: false,
      error: expect.objectContaining({ message: "The stage stands outside of the limits in x, y." }),
    });
    expect(run.exitCode).toBe(1);
  });

  it.for([
    "x=0:1000",
    "x=0:1000,y=5:5",
    "x=0:1000,y=0:1e9x",
    "x=0:1,x=0:1,y=0:1",
    "x=0:1000,y=0:1000,a=0:1",
    "",
    "x=:1,y=0:1",
  ])("refuses the limits %j", (text) => {
    expect(() => parseLimits(text)).toThrow(/limits/);
  });
});

describe.skipIf(!socatThere)(`cytostream devices with a controller (${needsSocat})`, () => {
  it("probes it without a move, and tells another one", async () => {
    await using port = await EmulatedPort.open(prior());
    const { stdout, exitCode } = await cli("probe", "prior", "--source", port.path);
    expect(exitCode).toBeUndefined();
    expect(stdout).toMatch(/^identity +Prior PROSCAN/m);
    expect(stdout).toMatch(/^positionUm +x 0, y 0, z 0$/m);
    expect(stdout).toMatch(/^referenced +no$/m);
    const other = await cli("probe", "tango", "--source", port.path, "--set", "replyTimeoutMs=100");
    expect(other.failure?.lines[0]).toMatch(/^STAGE_WRONG_DEVICE/);
    expect(port.firmware.motors.moves).toEqual([]);
  });

  it("passes it, within the limits", async () => {
    await using port = await EmulatedPort.open(prior());
    const run = await cli(
      "conformance",
      "prior",
      "--source",
      port.path,
      "--limits",
      "x=0:2000,y=0:2000,z=0:100",
      "--yes",
    );
    expect(run.stdout).not.toContain("FAILED");
    expect(run.exitCode).toBeUndefined();
    const { motors } = port.firmware;
    expect(motors.moves.length).toBeGreaterThan(10);
    for (const { axis, to } of motors.moves) expect(Math.abs(to - 2000)).toBeLessThanOrEqual(axis === "z" ? 500 : 1000);
  });

  it("halts it when it is interrupted", async () => {
    // So slow that no move ends by itself.
    const firmware = new PriorFirmware({ timeFactor: 1, speed: 20 });
    await using port = await EmulatedPort.open(firmware);
    const words = ["devices", "conformance", "prior", "--source", port.path, "--yes"];
    const program = join(projectRoot(), "src", "cli", "cytostream.ts");
    const child = spawn(process.execPath, ["--import", "tsx", program, ...words], {
      cwd: projectRoot(),
      stdio: "ignore",
    });
    const ended = once(child, "exit");
    while (!firmware.motors.anyMoves && child.exitCode === null) await delay(5);
    expect(firmware.motors.anyMoves).toBe(true);
    child.kill("SIGINT");
    expect(await ended).toEqual([130, null]);
    expect(firmware.motors.anyMoves).toBe(false);
  });
});
