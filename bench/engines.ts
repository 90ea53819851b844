import { createRandom } from "../src/core/index.js";
import { findTensorFlow, onnxruntimeEngine, tfjsEngine } from "../src/engine/index.js";
import { median } from "./statistics.js";
import { stepProblem, timed } from "./training.js";

export interface EngineSpeeds {
  readonly onnxruntimeMs: number;
  readonly tensorFlowMs: number;
  /** Median of the ratios of steps taken one behind the other. */
  readonly overTensorFlow: number;
  /** Version of TensorFlow's library, where it is known. */
  readonly tensorFlow: string | undefined;
}

/** On both sides, so that neither has more of the machine. */
const threads = 2;
const warmUp = 3;

/** The detector's training step by both engines, in turn within one run; undefined where TensorFlow is not set up. */
export const measureEngines = async (rounds: number): Promise<EngineSpeeds | undefined> => {
  const binding = findTensorFlow();
  if (binding.state !== "ready") return undefined;
  const { problem, parameters, feeds } = stepProblem();
  const initial = { [parameters.name]: parameters.initialise(createRandom(1)) };
  await using embedded = await onnxruntimeEngine({ intraOpThreads: threads }).load([problem], initial);
  await using tensorFlow = await tfjsEngine({ threads }).load([problem], initial);
  const [ours, theirs]: [number[], number[]] = [[], []];
  for (let round = -warmUp; round < rounds; round += 1) {
    const [embeddedMs, tensorFlowMs] = [
      await timed(embedded, problem.name, feeds),
      await timed(tensorFlow, problem.name, feeds),
    ];
    if (round < 0) continue;
    ours.push(embeddedMs);
    theirs.push(tensorFlowMs);
  }
  return {
    onnxruntimeMs: median(ours),
    tensorFlowMs: median(theirs),
    overTensorFlow: median(theirs.map((ms, index) => ms / ours[index]!)),
    tensorFlow: binding.record?.version,
  };
};
