import { readFile } from "node:fs/promises";
import { parentPort, workerData } from "node:worker_threads";
import { type InferenceSession, Tensor } from "onnxruntime-node";
import { CytoError } from "../src/core/index.js";
import { openSession } from "../src/detection/providers/session.js";
import type { BareCall, BareData, BareRun } from "./bareMessages.js";

/** Worker entry: `session.run` and nothing else, opened as the detector opens it. */
const port = parentPort;
if (!port) throw new CytoError("INTERNAL", "the bare loop was not started as a worker");

const { detectorPath, classifierPath, threads, fields } = workerData as BareData;

const open = async (path: string): Promise<InferenceSession> =>
  openSession(await readFile(path), { provider: "cpu", threads });

const detector = await open(detectorPath);
const classifier = classifierPath === undefined ? undefined : await open(classifierPath);
const detectorInput = detector.inputNames[0] ?? "";
const classifierInput = classifier?.inputNames[0] ?? "";

const feeds = fields.map(({ field, shape, crops }) => ({
  field: { [detectorInput]: new Tensor("uint8", field, shape) },
  crops: crops.map(({ bytes, count, side }) => ({
    [classifierInput]: new Tensor("uint8", bytes, [count, side, side, 3]),
  })),
}));

const runAll = async ({ forMs }: BareCall): Promise<BareRun> => {
  const fieldMs: number[] = [];
  const start = performance.now();
  let last = start;
  do {
    for (const { field, crops } of feeds) {
      await detector.run(field);
      if (classifier) for (const batch of crops) await classifier.run(batch);
      const now = performance.now();
      fieldMs.push(now - last);
      last = now;
    }
  } while (last - start < forMs);
  return { fields: fieldMs.length, elapsedMs: last - start, fieldMs };
};

port.on("message", (call: BareCall | "close") => {
  if (call === "close") {
    void Promise.all([detector.release(), classifier?.release()]).then(() => port.close());
    return;
  }
  void runAll(call).then((run) => port.postMessage(run));
});
port.postMessage("ready");
