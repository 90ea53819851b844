import { CytoError } from "../../core/index.js";
import type { TrainingProblem } from "../../engine/index.js";

const bytesPerNumber = 4;
/** Flat vectors that the engine and a checkpoint in the making keep of each parameter: weights, moments, average, gradient, copies. */
const vectorsPerParameter = 14;
/** Of what the forward pass makes, so much is held at once with its gradients and scratch memory. */
const heldPart = 2.2;
/** Node, libraries, decoders. */
const programBytes = 500 * 2 ** 20;

/** What a field in memory takes over its pixels and masks: objects, buffers' heads. */
const fieldOverhead = 1.15;

/** The greatest memory that a training may take. */
export const memoryBoundBytes = 3 * 2 ** 30;

const forwardBytes = ({ graph }: TrainingProblem): number =>
  graph.nodes
    .flatMap(({ outputs }) => outputs)
    .reduce((sum, { shape }) => {
      const length = shape.reduce<number>((product, dim) => (typeof dim === "number" ? product * dim : product), 1);
      return sum + bytesPerNumber * length;
    }, 0);

/**
 * About what a training takes at its height, bytes: the program, fields in memory, networks, one step of each problem.
 * Seen on the CPU with the MCGAN's defaults: 1.7 GiB with 1,012 fields, 2.5 GiB with 4,552.
 */
export const trainingBytes = (problems: readonly TrainingProblem[], fieldsBytes: number): number => {
  const sets = new Map(problems.flatMap(({ parameterSets }) => parameterSets).map((set) => [set.name, set.length]));
  const parameters = [...sets.values()].reduce((sum, length) => sum + length, 0);
  // A session keeps the memory of its step; each problem has one.
  const steps = problems.reduce((sum, problem) => sum + heldPart * forwardBytes(problem), 0);
  return programBytes + fieldOverhead * fieldsBytes + vectorsPerParameter * bytesPerNumber * parameters + steps;
};

const inGib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

/**
 * Refuses a training that would not fit, before its first step.
 * @param freeBytes memory that the machine (or its container) has left
 * @throws CytoError MEMORY_INSUFFICIENT
 */
export const requireMemory = (
  neededBytes: number,
  freeBytes: number = process.availableMemory(),
  boundBytes: number = memoryBoundBytes,
): void => {
  const remedy = "Give fewer data sets, a smaller batch or smaller crops, or free memory.";
  const context = { neededBytes, freeBytes, boundBytes };
  if (neededBytes > boundBytes)
    throw new CytoError(
      "MEMORY_INSUFFICIENT",
      `This training would take about ${inGib(neededBytes)}, more than the ${inGib(boundBytes)} that one may`,
      { remedy, context },
    );
  if (neededBytes > freeBytes)
    throw new CytoError(
      "MEMORY_INSUFFICIENT",
      `This training would take about ${inGib(neededBytes)}, and ${inGib(freeBytes)} are free`,
      { remedy, context },
    );
};
