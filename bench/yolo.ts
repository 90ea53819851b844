import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { type InferenceSession, Tensor } from "onnxruntime-node";
import { createRandom } from "../src/core/index.js";
import { fieldSizeOf } from "../src/detection/index.js";
import { openSession } from "../src/detection/providers/session.js";
import { serialise } from "../src/engine/onnx/index.js";
import type { BenchContext, BenchResult, Figure } from "./figures.js";
import { flopOf } from "./flop.js";
import { benchModels } from "./models.js";
import { median } from "./statistics.js";
import { yoloSized } from "./yoloSized.js";

/** The field that both are given: 640x480 px, red cells 96 px across as in two of the four sources of txl-pbc. */
const picture = { width: 640, height: 480 };
const redCellPx = 96;
const yoloSide = 640;

interface Contender {
  readonly run: () => Promise<unknown>;
  /** Runs in a row that are timed together, so that a round gives each about the same time. */
  readonly repeats: number;
  readonly times: number[];
}

const random = createRandom(5);

const fieldTensor = (width: number, height: number): Tensor => {
  const bytes = Uint8Array.from({ length: width * height * 4 }, (_, at) => (at % 4 === 3 ? 255 : random.int(256)));
  return new Tensor("uint8", bytes, [1, height, width, 4]);
};

const contender = (session: InferenceSession, input: Tensor, repeats: number): Contender => {
  const feeds = { [session.inputNames[0] ?? ""]: input };
  return { run: () => session.run(feeds), repeats, times: [] };
};

const time = async ({ run, repeats, times }: Contender): Promise<void> => {
  const start = performance.now();
  for (let index = 0; index < repeats; index++) await run();
  times.push((performance.now() - start) / repeats);
};

/** Runs the networks in turn, and gives for each how often it runs in the time of one run of the last. */
const race = async (contenders: readonly Contender[], rounds: number): Promise<number[]> => {
  for (const each of contenders) for (let index = 0; index < 2; index++) await each.run();
  for (let round = 0; round < rounds; round++) for (const each of contenders) await time(each);
  const last = contenders.at(-1)!;
  return contenders.map(({ times }) => median(times.map((ms, round) => last.times[round]! / ms)));
};

export const yoloBench = async ({ models: choice, quick }: BenchContext): Promise<BenchResult> => {
  const { detector } = await benchModels(choice);
  const threads = availableParallelism();
  const open = async (bytes: Uint8Array) => openSession(bytes, { provider: "cpu", threads });
  const graph = yoloSized();
  const flop = flopOf(graph);
  const yolo = await open(serialise(graph));
  const pixels = Float32Array.from({ length: 3 * yoloSide ** 2 }, () => random.next());
  const theirs = contender(yolo, new Tensor("float32", pixels, [1, 3, yoloSide, yoloSide]), 1);
  const own = fieldSizeOf(picture, redCellPx / detector.referenceRedCellPx);
  const sessions = [yolo];
  const contenders: Contender[] = [];
  const names: string[] = [];
  for (const precision of ["fp32", "int8"]) {
    const source = (await benchModels({ ...choice, precision })).detector;
    const session = await open(await readFile(source.filePath));
    sessions.push(session);
    contenders.push(contender(session, fieldTensor(own.paddedWidth, own.paddedHeight), 6));
    contenders.push(contender(session, fieldTensor(picture.width, picture.height), 2));
    names.push(`yoloRatio${precision === "fp32" ? "" : `.${precision}`}`, `yoloRatio.${precision}.unscaled`);
  }
  try {
    const all = [...contenders, theirs];
    const ratios = await race(all, quick ? 6 : 20);
    const ms = Object.fromEntries(
      ["yolo", ...names].map((name, index) => [name, median([theirs, ...contenders][index]!.times)]),
    );
    const how = `a 640x480 field at the detector's own scale (red cells of ${redCellPx} px: ${own.paddedWidth}x${own.paddedHeight}), fields/s over those of a YOLOv8n-sized graph (${(flop / 1e9).toFixed(1)} GFLOP, random weights) at 640x640 in fp32; session.run alone, ${threads} threads, in turn, median of the ratios`;
    const figures = names.map((name, index): Figure => {
      const value = ratios[index];
      if (name.endsWith("unscaled"))
        return {
          name,
          value,
          how: "the same, the field given to the detector at its full 640x480 (red cells of 32 px)",
        };
      return { name, value, atLeast: 4, how };
    });
    return { figures, raw: { ms, yoloGflop: flop / 1e9 } };
  } finally {
    for (const session of sessions) await session.release();
  }
};
