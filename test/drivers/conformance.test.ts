import { describe, expect, it } from "vitest";
import { examineCamera } from "../../drivers/conformance/index.js";
import type { Camera, CameraDriver } from "../../drivers/contract.js";
import { frames, type Step, scriptedCamera } from "../acquisition/scriptedCamera.js";

const steady: Step[] = [...frames(4), { do: "wait" }];

const examine = async (driver: CameraDriver, ends: boolean, more: object = {}): Promise<string[]> => {
  const results = await examineCamera({ driver, source: "s", ends, deadlineMs: 300, ...more });
  return results.filter(({ error }) => error !== undefined).map(({ name }) => name);
};

/** The scripted camera with something about it changed. */
const spoilt = (change: (camera: Camera) => Partial<Camera>): CameraDriver => {
  const { driver } = scriptedCamera({ openings: [steady] });
  return {
    ...driver,
    async open(request) {
      const camera = await driver.open(request);
      return {
        frames: () => camera.frames(),
        [Symbol.asyncDispose]: () => camera[Symbol.asyncDispose](),
        ...change(camera),
      };
    },
  };
};

const once = (camera: Camera): Partial<Camera> => {
  let iterated = false;
  return {
    frames() {
      if (iterated) throw new Error("twice");
      iterated = true;
      return camera.frames();
    },
  };
};

describe("conformance of cameras", () => {
  it("finds the one fault of the scripted camera, which can be iterated twice", async () => {
    const { driver } = scriptedCamera({ openings: [steady] });
    expect(await examine(driver, false)).toEqual(["lets its frames be iterated once only"]);
  });

  it("finds a camera that does not end", async () => {
    const { driver } = scriptedCamera({ openings: [steady] });
    expect(await examine(driver, true)).toContain("ends where its source does, and stays ended");
  });

  it("finds a camera that hangs", async () => {
    const { driver } = scriptedCamera({ openings: [[...frames(3), { do: "hang" }]] });
    const failed = await examine(driver, false, { frames: 5 });
    expect(failed).toContain("opens and delivers well-formed frames in the order of their times");
    const closing = scriptedCamera({ openings: [steady], hangOnClose: true });
    expect(await examine(closing.driver, false)).toContain("can be closed without having been used");
  });

  it("finds malformed frames, shared buffers, and times that go back", async () => {
    const shared = new Uint8Array(24);
    const part = new Uint8Array(new ArrayBuffer(100), 4, 24);
    const badFrames: Step[][] = [
      [{ do: "frame", frame: { width: 5 } }],
      [{ do: "frame", frame: { simulated: false } }],
      [{ do: "frame", frame: { pixels: part } }],
      [
        { do: "frame", frame: { pixels: shared } },
        { do: "frame", frame: { pixels: shared } },
      ],
      [
        { do: "frame", frame: { capturedAtMs: 5 } },
        { do: "frame", frame: { capturedAtMs: 4 } },
      ],
    ];
    for (const steps of badFrames) {
      const { driver } = scriptedCamera({ openings: [[...steps, ...steady]] });
      expect(await examine(driver, false)).toContain(
        "opens and delivers well-formed frames in the order of their times",
      );
    }
  });

  it("finds a foreign error, and a bad source that is taken", async () => {
    const { driver } = scriptedCamera({ openings: [frames(3)] });
    const badSources = [{ source: "bad", codes: ["CAMERA_SOURCE_NOT_FOUND"] }];
    expect(await examine(driver, true, { badSources })).toContain("refuses the bad source bad by a code");
    expect(await examine(spoilt(once), false)).toEqual(["lets its frames be iterated once only"]);
  });

  it("finds a camera that leaves something behind", async () => {
    const { createServer } = await import("node:net");
    const left: { close: () => void }[] = [];
    const leaky = spoilt(() => {
      left.push(createServer().listen(0, "127.0.0.1"));
      return {};
    });
    expect(await examine(leaky, false)).toContain("leaves nothing behind when opened and closed again and again");
    for (const server of left) server.close();
  });
});
