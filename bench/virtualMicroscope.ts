import { driver as cameraDriver, type VirtualCamera } from "../drivers/cameras/virtual/driver.js";
import { type MountedStage, mountedStage } from "../drivers/cameras/virtual/microscope.js";
import type { StageLimitsUm } from "../drivers/index.js";
import { driver as stageDriver } from "../drivers/stages/virtual/driver.js";
import { DisposalStack, type Frame } from "../src/core/index.js";
import { type FrameSource, openStageControl, type StageControl } from "../src/scan/index.js";

/** Camera and stage of a virtual microscope, joined as the daemon joins real ones; the truth beside. */
export interface VirtualMicroscope extends AsyncDisposable {
  readonly camera: VirtualCamera;
  readonly stage: StageControl;
  readonly frames: FrameSource;
  /** Where the field really is on the slide. */
  readonly truth: MountedStage;
}

export interface VirtualMicroscopeSetup {
  readonly name: string;
  readonly camera?: Readonly<Record<string, unknown>>;
  readonly stage?: Readonly<Record<string, unknown>>;
  /** What the stage's control believes of its play, um. */
  readonly backlashUm?: Readonly<Record<"x" | "y" | "z", number>>;
  readonly limitsUm?: StageLimitsUm;
}

/** Fast, drawn by rules, and as fast as it is asked. */
const cameraDefaults = { framesPerSecond: 0, painting: "drawn" };
const stageDefaults = { speedUmPerS: 1e6, accelerationUmPerS2: 1e9, referenced: true };

const framesOf = (camera: VirtualCamera): FrameSource => {
  const iterator = camera.frames()[Symbol.asyncIterator]();
  let sequence = 0;
  return {
    async take() {
      const askedMs = Date.now();
      for (;;) {
        const { value, done } = await iterator.next();
        if (done) throw new Error("the virtual camera has ended");
        const frame: Frame = { ...value, sequence: sequence++, camera: "virtual" };
        if (frame.capturedAtMs > askedMs) return frame;
      }
    },
  };
};

export const openVirtualMicroscope = async (setup: VirtualMicroscopeSetup): Promise<VirtualMicroscope> => {
  const owner = new DisposalStack();
  const abort = new AbortController();
  const stage = owner.use(
    "stage",
    openStageControl({
      driver: stageDriver,
      source: undefined,
      options: stageDriver.manifest.options.parse({ ...stageDefaults, ...setup.stage, microscope: setup.name }),
      limitsUm: setup.limitsUm ?? {},
      backlashUm: setup.backlashUm ?? { x: 0, y: 0, z: 0 },
      openTimeoutMs: 5000,
      moveTimeoutMs: 60_000,
      reconnect: { initialDelayMs: 50, maxDelayMs: 500 },
    }),
  );
  while (stage.status.state === "opening") await new Promise((resolve) => setTimeout(resolve, 2));
  const options = cameraDriver.manifest.options.parse({ ...cameraDefaults, ...setup.camera, microscope: setup.name });
  const camera = owner.use("camera", await cameraDriver.open({ source: undefined, options, signal: abort.signal }));
  const truth = mountedStage(setup.name);
  if (truth === undefined) throw new Error("the virtual stage is not mounted");
  return {
    ...{ camera, stage, frames: framesOf(camera), truth },
    [Symbol.asyncDispose]: async () => {
      await owner.close();
    },
  };
};
