import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { examineStage, type StageSubject, stageChecks } from "../../../drivers/conformance/index.js";
import type { Stage, StageDriver } from "../../../drivers/contract.js";
import { driver as virtualDriver } from "../../../drivers/stages/virtual/driver.js";
import { CytoError } from "../../../src/core/index.js";
import { controllerCases, driverOf } from "./controllers.js";
import { EmulatedPort, needsSocat, socatThere } from "./emulators/pty.js";
import { truthOf } from "./truth.js";

/** Speed of the emulated tables, um/s: the long way of the suite takes more than half a second. */
const speedUmPerS = 8000;
const travelUm = 16_000;
const steps = (umPerStep: number): number => Math.round(travelUm / umPerStep);

describe.skipIf(!socatThere).each(controllerCases)(`$name passes the suite of stages (${needsSocat})`, (subject) => {
  const { umPerStep } = subject;
  const { speed } = subject.firmware().motors;
  const firmware = subject.firmware({
    timeFactor: speedUmPerS / umPerStep.x / speed,
    travel: { x: steps(umPerStep.x), y: steps(umPerStep.y), z: steps(umPerStep.z) },
  });
  let port: EmulatedPort;
  let driver: StageDriver;
  beforeAll(async () => {
    port = await EmulatedPort.open(firmware);
    driver = await driverOf(subject.name);
  });
  afterAll(() => port[Symbol.asyncDispose]());

  const given = (): StageSubject => ({
    driver,
    options: { replyTimeoutMs: 1000, ...subject.options },
    source: port.path,
    waysUm: { focus: 20 },
    mayHome: true,
    truth: truthOf(firmware.motors, subject.umPerStep),
    badSources: [
      { source: undefined, codes: ["STAGE_PORT_NOT_FOUND"] },
      { source: "/dev/cytostream-no-such-port", codes: ["STAGE_PORT_NOT_FOUND"] },
    ],
  });
  const names = stageChecks({
    driver: virtualDriver,
    source: undefined,
    badSources: [
      { source: undefined, codes: [] },
      { source: "/dev/cytostream-no-such-port", codes: [] },
    ],
  });
  it.each(names.map(({ name }, index) => ({ name, index })))("$name", async ({ index }) => {
    await stageChecks(given())[index]!.run();
  });
});

const virtualSubject = (microscope: string): StageSubject => ({
  driver: virtualDriver as StageDriver,
  options: { microscope, speedUmPerS: 8000 },
  source: undefined,
  waysUm: { focus: 5 },
  mayHome: true,
});

describe("the virtual stage passes the suite of stages", () => {
  const checks = stageChecks(virtualSubject("conformance"));
  it.each(checks)("$name", ({ run }) => run());
});

/** The virtual stage with something about it changed. */
const spoilt = (change: (stage: Stage) => Partial<Stage>): StageDriver => ({
  manifest: virtualDriver.manifest,
  async open(request) {
    const stage = await (virtualDriver as StageDriver).open(request);
    return new Proxy(stage, {
      get: (target, key) => {
        const changed = change(target)[key as keyof Stage];
        const found = changed ?? Reflect.get(target, key, target);
        return typeof found === "function" ? found.bind(target) : found;
      },
    });
  },
});

const failedChecks = async (change: (stage: Stage) => Partial<Stage>, more: object = {}): Promise<string[]> => {
  const subject = { ...virtualSubject("spoilt"), driver: spoilt(change), deadlineMs: 2000, ...more };
  const results = await examineStage(subject);
  return results.filter(({ error }) => error !== undefined).map(({ name }) => name);
};

describe("the suite of stages", () => {
  it("finds a stage that goes beyond its limits, and one that says no to everything", async () => {
    const failed = await failedChecks(() => ({}), {
      driver: {
        ...virtualDriver,
        open: (request: object) =>
          (virtualDriver as StageDriver).open({ ...(request as Parameters<StageDriver["open"]>[0]), limitsUm: {} }),
      },
    });
    expect(failed).toEqual(["refuses targets outside of the limits without moving"]);
    const refusing = await failedChecks(() => ({
      moveTo: () => Promise.reject(new CytoError("STAGE_REFUSED", "No.")),
    }));
    expect(refusing).toContain("goes where it shall, and only the axes that shall");
    expect(refusing).not.toContain("takes the place that is declared, without moving");
  });

  it("finds a stage that does not halt", async () => {
    const failed = await failedChecks(() => ({ stop: async () => undefined }));
    expect(failed).toContain("halts when it is stopped, and stands");
  });

  it("finds a stage that ends elsewhere, and one that moves an axis that it shall not", async () => {
    const elsewhere = await failedChecks((stage) => ({
      moveTo: (target, signal) => stage.moveTo({ ...target, x: (target.x ?? 0) + 3 }, signal),
    }));
    expect(elsewhere).toContain("goes where it shall, and only the axes that shall");
    const sideways = await failedChecks((stage) => ({
      moveTo: (target, signal) => stage.moveTo({ x: 700, ...target }, signal),
    }));
    expect(sideways).toContain("goes where it shall, and only the axes that shall");
  });

  it("finds a stage that moves when it is declared, and one that is not referenced by it", async () => {
    let place = 0;
    const truth = { begun: () => place, placeUm: () => ({ x: place, y: 0 }) };
    const moving = await failedChecks(
      (stage) => ({
        declare: async (position) => {
          place++;
          await stage.declare(position);
        },
      }),
      { truth },
    );
    expect(moving).toContain("takes the place that is declared, without moving");
    const forgetful = await failedChecks(() => ({ referenced: false }));
    expect(forgetful).toContain("takes the place that is declared, without moving");
  });
});
