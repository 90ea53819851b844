import { once } from "node:events";
import type { Worker } from "node:worker_threads";
import { spawnWorker } from "../src/core/index.js";
import { CropPreparer, createDetector, type DetectorModels, FieldPreparer } from "../src/detection/index.js";
import type { BareCall, BareData, BareField, BareRun } from "./bareMessages.js";
import type { ReelPicture } from "./drivers/cameras/memory/reel.js";

/** Crops that the daemon names in one run. */
const cropBatch = 16;

/** Pictures as the networks take them: fields at the detector's scale, and crops of the leukocytes that are in them. */
export const prepareFields = async (pictures: readonly ReelPicture[], models: DetectorModels): Promise<BareField[]> => {
  const detector = await createDetector({ models: { detector: models.detector }, provider: "cpu" });
  const preparer = new FieldPreparer();
  const cropper = new CropPreparer();
  const fields: BareField[] = [];
  try {
    for (const [sequence, { name, width, height, pixels, umPerPixel, simulated }] of pictures.entries()) {
      const picture = { width, height, pixels };
      const { bytes, paddedWidth, paddedHeight } = preparer.prepare(picture, models.detector.umPerPixel / umPerPixel);
      const facts = { sequence, capturedAtMs: 0, camera: "bench", source: name, simulated, umPerPixel };
      const { cells } = await detector.detect({ ...facts, width, height, pixels: pixels.slice() });
      const centres = cells
        .filter(({ densityClass }) => densityClass === "leukocyte")
        .map(({ box }) => ({ x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 }));
      const crops: BareField["crops"][number][] = [];
      const { classifier } = models;
      for (let start = 0; classifier && start < centres.length; start += cropBatch) {
        const batch = centres.slice(start, start + cropBatch);
        const request = { centres: batch, side: classifier.cropUm / umPerPixel, cropPx: classifier.cropPx };
        crops.push({ bytes: cropper.cut(picture, request).slice(), count: batch.length, side: classifier.cropPx });
      }
      fields.push({ field: bytes.slice(), shape: [1, paddedHeight, paddedWidth, 4], crops });
    }
  } finally {
    await detector[Symbol.asyncDispose]();
  }
  return fields;
};

/** The networks alone, in a thread of their own: what a pipeline around them is measured against. */
export class BareLoop implements AsyncDisposable {
  readonly #worker: Worker;

  private constructor(worker: Worker) {
    this.#worker = worker;
  }

  static async open(models: DetectorModels, fields: readonly BareField[], threads: number): Promise<BareLoop> {
    const workerData: BareData = {
      detectorPath: models.detector.filePath,
      classifierPath: models.classifier?.filePath,
      threads,
      fields,
    };
    const worker = spawnWorker(new URL("./bareWorker.js", import.meta.url), { workerData });
    await once(worker, "message");
    return new BareLoop(worker);
  }

  async run(forMs: number): Promise<BareRun> {
    const answer = once(this.#worker, "message");
    this.#worker.postMessage({ forMs } satisfies BareCall);
    return ((await answer) as [BareRun])[0];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.#worker, "exit");
    this.#worker.postMessage("close");
    await exited;
  }
}
