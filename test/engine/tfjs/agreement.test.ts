import { describe, expect, it } from "vitest";
import { createRandom } from "../../../src/core/index.js";
import type {
  ParameterState,
  StepRequest,
  StepResult,
  TrainingProblem,
  TrainingRun,
} from "../../../src/engine/index.js";
import { painterProblems } from "../../../src/training/painter/problem.js";
import { painterKinds } from "../../../src/training/painter/settings.js";
import { initialOf, trained } from "../../networks/smallNetworks.js";
import { settingsOf, toyBatch } from "../../training/painter/toyPainting.js";
import { embedded, inJavaScript, native } from "../engines.js";
import { relativeError } from "../onnx/runGraph.js";

/**
 * How far the engines may be apart, of the largest element: after one step from the same state, and after four, in which
 * Adam makes more of what differs, and two networks against each other more still.
 */
const afterOne = 1e-4;
const afterFour = { alone: 2e-3, opposed: 1e-2 } as const;
const rates = { averageDecay: 0.7, learningRate: 0.002 };
/** Slower: a critic that is ahead by a hair makes a painter's path another one. */
const opposedRates = { ...rates, learningRate: 0.0003 };

type States = Readonly<Record<string, ParameterState>>;

interface Training {
  readonly problems: readonly TrainingProblem[];
  readonly initial: States;
  /** One step after the other, of one move or of several. */
  readonly requests: (count: number) => readonly StepRequest[];
}

const network = (name: string): Training => {
  const entry = trained[name]!;
  const { problem, feeds } = entry;
  return {
    problems: [problem],
    initial: { [entry.parameters.name]: initialOf(entry) },
    requests: (count) => Array.from({ length: count }, () => ({ problem: problem.name, feeds, ...rates })),
  };
};

const painter = (kind: (typeof painterKinds)[number]): Training => {
  const { problems, initialise, moves } = painterProblems(settingsOf(kind));
  return {
    problems,
    initial: initialise(createRandom(51)),
    requests: (count) => {
      const random = createRandom(52);
      return Array.from({ length: count }, () => moves(toyBatch(random), random))
        .flat()
        .map((move) => ({ ...move, ...opposedRates }));
    },
  };
};

const take = async (run: TrainingRun, requests: readonly StepRequest[]): Promise<readonly StepResult[]> => {
  const results: StepResult[] = [];
  for (const request of requests) results.push(await run.step(request));
  return results;
};

const expectAlike = (found: readonly StepResult[], expected: readonly StepResult[], within: number): void => {
  expected.forEach((result, index) => {
    for (const kind of within === afterOne ? (["losses", "gradientNorms"] as const) : (["losses"] as const)) {
      expect(Object.keys(found[index]![kind])).toEqual(Object.keys(result[kind]));
      for (const [name, value] of Object.entries(result[kind])) {
        expect(Math.abs(found[index]![kind][name]! / value - 1), `${name} of move ${index}`).toBeLessThan(within);
      }
    }
  });
};

/** Gradients are compared after one step only: they jump at kinks (|x|, rectifiers), which after more steps lie elsewhere. */
const withGradient = ["parameters", "firstMoment", "average", "statistics"] as const;
const withoutGradient = ["parameters", "average", "statistics"] as const;

const expectSame = (
  found: States,
  expected: States,
  names: typeof withGradient | typeof withoutGradient,
  within: number,
): void => {
  for (const [set, state] of Object.entries(expected)) {
    expect(found[set]!.steps).toBe(state.steps);
    for (const name of names) {
      expect(relativeError(found[set]![name], state[name], 1e-12), `${name} of ${set}`).toBeLessThan(within);
    }
  }
};

const trainings: Readonly<Record<string, () => Training>> = {
  "the U-Net": () => network("the U-Net"),
  "the classifier": () => network("the classifier"),
  ...Object.fromEntries(painterKinds.map((kind) => [kind, () => painter(kind)])),
};

/** In JavaScript, which is slow, the two that have everything in them, and few steps. */
const cases = [
  ...Object.keys(trainings).map((name) => ({ ...native, name, more: 4 })),
  { ...inJavaScript, name: "the U-Net", more: 4 },
  { ...inJavaScript, name: "mcgan", more: 0 },
];
const slowMs = 240_000;

describe.each(cases)("$title and onnxruntime, training $name", ({ name, engine, present, more }) => {
  const title = "have the same losses and gradients, stay together and take over each other's state";
  it.skipIf(!present)(title, { timeout: slowMs }, async () => {
    const training = trainings[name]!();
    await using reference = await embedded.engine.load(training.problems, training.initial);
    await using run = await engine.load(training.problems, training.initial);
    const one = training.requests(1);
    // From moments of zero, the first moment is the gradient, clipped and times 1 - beta1.
    expectAlike(await take(run, one), await take(reference, one), afterOne);
    expectSame(await run.readState(), await reference.readState(), withGradient, afterOne);
    const several = training.requests(more);
    for (const follower of [run, reference]) {
      const leader = follower === run ? reference : run;
      await follower.writeState(await leader.readState());
      expect(await follower.readState()).toEqual(await leader.readState());
      const within = training.problems.length > 1 ? afterFour.opposed : afterFour.alone;
      expectAlike(await take(follower, several), await take(leader, several), within);
      expectSame(await follower.readState(), await leader.readState(), withoutGradient, within);
    }
  });
});
