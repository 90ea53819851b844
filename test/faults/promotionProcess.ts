import { createDetector, type Detector } from "../../src/detection/index.js";
import { openModelDesk } from "../../src/registry/index.js";
import { laboratoryPaths } from "../../src/store/index.js";
import { toyFrame } from "../detection/toySmear.js";

/**
 * A process that promotes and goes back without end, detecting all the while, and kills itself at a step where it is told to. Says
 * what serves when it is up, in one line of JSON.
 */
export const killSteps = ["loaded", "swapping", "swapped", "written", "never"] as const;
export type KillStep = (typeof killSteps)[number];

const [folder = "", shippedDir = "", step = "never", count = "1"] = process.argv.slice(2);

let left = Number(count);
const reach = (reached: KillStep): void => {
  if (reached === step && --left === 0) process.kill(process.pid, "SIGKILL");
};

const startedMs = performance.now();
const slot: { detector?: Detector } = {};
const desk = await openModelDesk({
  paths: laboratoryPaths(folder),
  shippedDir,
  gate: { alpha: 0.05, marginPoints: 3 },
  swap: async (models, golden) => {
    reach("loaded");
    const swapped = slot.detector!.swap(models, golden);
    setImmediate(() => reach("swapping"));
    await swapped;
    reach("swapped");
  },
});
desk.onChange(() => reach("written"));
const detector = await createDetector({ models: desk.models, provider: "cpu", threads: 1 });
slot.detector = detector;
const detect = () =>
  detector.detect(toyFrame([{ kind: "erythrocyte", x: 48, y: 48 }], { width: 96, height: 96, umPerPixel: 0.234375 }));
const { models, cells } = await detect();
const upMs = performance.now() - startedMs;
process.stdout.write(`${JSON.stringify({ ...models.detector, cells: cells.length, upMs })}\n`);

for (;;) {
  const { version } = desk.models.detector.ref;
  await desk.promote(version === "1.1.0-lab.1" ? "unet@1.1.0-lab.2" : "unet@1.1.0-lab.1", "test", "again");
  const found = await detect();
  if (found.models.detector.version !== desk.models.detector.ref.version) throw new Error("another model serves");
  await desk.rollback("test");
  await desk.promote("unet@1.1.0-lab.2", "test", "again");
}
