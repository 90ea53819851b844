import { measureEngines } from "./engines.js";
import type { BenchResult, Figure } from "./figures.js";
import { measureTraining } from "./training.js";

/** The training step against the matrix-product peak, and against PyTorch and TensorFlow where they are. */
export const trainingBench = async (options: { rounds: number; pytorch: boolean }): Promise<BenchResult> => {
  const speed = await measureTraining(options);
  const step = `the detector's training step (${speed.stepGflop.toFixed(1)} GFLOP in convolutions and matrix products)`;
  const figures: Figure[] = [
    {
      name: "trainingPeakShare",
      value: speed.trainingPeakShare,
      atLeast: 0.45,
      how: `GFLOP/s of ${step} over GFLOP/s of a MatMul graph of 1024x1024 matrices in the same engine, in turn, median of the ratios`,
    },
  ];
  if (!options.pytorch) return { figures, raw: speed };
  const how =
    speed.overPyTorch === undefined
      ? "SKIPPED: Python has no torch (pip install torch; the variable PYTHON names another Python than python3)"
      : `PyTorch's time for ${step} (channels last, same batch and optimiser) over this engine's, step by step in turn, median of the ratios`;
  figures.push({ name: "overPyTorch", value: speed.overPyTorch, atLeast: 1, how });
  const engines = await measureEngines(options.rounds);
  figures.push({
    name: "overTensorFlow",
    value: engines?.overTensorFlow,
    atLeast: 1,
    how: engines
      ? `time of ${step} by the engine tfjs on TensorFlow ${engines.tensorFlow ?? ""} over the engine onnxruntime's, both on two threads, in turn, median of the ratios`
      : "SKIPPED: TensorFlow is not set up (npm run setup:tensorflow)",
  });
  return { figures, raw: { ...speed, engines } };
};
