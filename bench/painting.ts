import { availableParallelism } from "node:os";
import { createRandom, modelsDirectory } from "../src/core/index.js";
import { onnxruntimeEngine } from "../src/engine/index.js";
import { resolveModel } from "../src/registry/index.js";
import { drawnPlaneCount } from "../src/training/masks/index.js";
import { openPainter } from "../src/training/painter/index.js";
import { loadJudge } from "../src/training/painter/judge.js";
import { painterProblems } from "../src/training/painter/problem.js";
import { painterSettings } from "../src/training/painter/settings.js";
import type { BenchContext, BenchResult } from "./figures.js";
import { median } from "./statistics.js";
import { noiseFor, peakProblem, stepFlopOf, timed } from "./training.js";

const fieldPx = 256;

/** A MCGAN's step, both moves at the usual batch, against the machine's matrix-product peak, in turn. */
const measureStep = async (rounds: number) => {
  const settings = painterSettings("mcgan", drawnPlaneCount, await loadJudge());
  const painting = painterProblems(settings);
  const peak = peakProblem();
  const moves = painting.problems.map((problem) => ({ name: problem.name, feeds: noiseFor(problem) }));
  const flop = painting.problems.reduce((sum, problem) => sum + stepFlopOf(problem), 0);
  await using run = await onnxruntimeEngine().load(
    [peak.problem, ...painting.problems],
    painting.initialise(createRandom(1)),
  );
  const step = async (): Promise<number> => {
    let ms = 0;
    for (const { name, feeds } of moves) ms += await timed(run, name, feeds);
    return ms;
  };
  const [peakMs, stepMs]: [number[], number[]] = [[], []];
  for (let round = -2; round < rounds; round += 1) {
    const pair = [await timed(run, "peak", peak.feeds), await step()] as const;
    if (round < 0) continue;
    peakMs.push(pair[0]);
    stepMs.push(pair[1]);
  }
  const share = median(stepMs.map((ms, index) => flop / ms / (peak.flop / peakMs[index]!)));
  return { share, stepMs: median(stepMs), gflop: flop / 1e9, batch: settings.batch, sidePx: settings.sidePx };
};

/** Fields drawn and painted one after the other, mask and all, by the shipped painter. */
const measurePainting = async (fields: number) => {
  const directory = await resolveModel(modelsDirectory(), "mcgan");
  await using painter = await openPainter(directory, { threads: availableParallelism() });
  const paintOne = async (seed: number) => {
    const start = performance.now();
    const mask = painter.drawMask({ seed, width: fieldPx, height: fieldPx });
    const drawn = performance.now();
    await painter.paint(mask);
    return { maskMs: drawn - start, paintMs: performance.now() - drawn };
  };
  for (let seed = 0; seed < 4; seed += 1) await paintOne(seed);
  const times = [];
  for (let seed = 4; seed < fields + 4; seed += 1) times.push(await paintOne(seed));
  const totalMs = times.reduce((sum, { maskMs, paintMs }) => sum + maskMs + paintMs, 0);
  return {
    perSecond: (1000 * fields) / totalMs,
    maskMs: median(times.map(({ maskMs }) => maskMs)),
    paintMs: median(times.map(({ paintMs }) => paintMs)),
  };
};

/** What painters cost: their training step against the peak, and painted fields a second. */
export const paintingBench = async ({ quick }: BenchContext): Promise<BenchResult> => {
  const step = await measureStep(quick ? 4 : 12);
  const painting = await measurePainting(quick ? 20 : 100);
  return {
    figures: [
      {
        name: "paintingPeakShare",
        value: step.share,
        atLeast: 0.4,
        how: `GFLOP/s of a MCGAN's step (discriminator's and generator's move, ${step.batch} of ${step.sidePx}x${step.sidePx} px, ${step.gflop.toFixed(1)} GFLOP in convolutions and matrix products) over GFLOP/s of a MatMul graph of 1024x1024 matrices in the same engine, in turn, median of the ratios`,
      },
      {
        name: "paintedFieldsPerSecond",
        value: painting.perSecond,
        unit: "1/s",
        atLeast: 10,
        how: `fields of ${fieldPx}x${fieldPx} px drawn at random and painted by the shipped painter, one after the other: mask ${painting.maskMs.toFixed(0)} ms, picture ${painting.paintMs.toFixed(0)} ms`,
      },
    ],
    raw: { step, painting },
  };
};
