import { CytoError } from "../../core/index.js";
import type { ParameterState, TrainingProblem } from "../contract.js";

/** Lengths of a parameter set's vectors and, as text, everything that decides what lies where in them. */
export interface SetLayout {
  readonly length: number;
  readonly statisticsLength: number;
  readonly text: string;
}

/** Layouts by parameter set. @throws CytoError INTERNAL where two problems lay one set out differently */
export const layoutsOf = (problems: readonly TrainingProblem[]): ReadonlyMap<string, SetLayout> => {
  const layouts = new Map<string, SetLayout>();
  for (const set of problems.flatMap((problem) => problem.parameterSets)) {
    const statistics = set.statistics.map(({ name, value }) => [name, value.shape]);
    const text = JSON.stringify([set.entries.map(({ name, shape }) => [name, shape]), statistics]);
    if ((layouts.get(set.name)?.text ?? text) !== text) {
      throw new CytoError("INTERNAL", `Two problems declare the parameter set ${set.name} differently`);
    }
    layouts.set(set.name, { length: set.length, statisticsLength: set.statisticsLength, text });
  }
  return layouts;
};

/** @throws CytoError CHECKPOINT_INVALID where a state is of no known set or its vectors have other lengths */
export const requireFit = (
  layouts: ReadonlyMap<string, SetLayout>,
  states: Readonly<Record<string, ParameterState>>,
): void => {
  for (const [name, state] of Object.entries(states)) {
    const layout = layouts.get(name);
    const { parameters, firstMoment, secondMoment, average, statistics } = state;
    const fits =
      layout !== undefined &&
      [parameters, firstMoment, secondMoment, average].every((vector) => vector.length === layout.length) &&
      statistics.length === layout.statisticsLength;
    if (!fits) throw new CytoError("CHECKPOINT_INVALID", `The state of ${name} does not fit the networks in training`);
  }
};

/**
 * Layouts of the parameter sets of problems that are about to be loaded, which the initial states fit.
 * @throws CytoError INTERNAL where a set has no state, CHECKPOINT_INVALID where one does not fit
 */
export const requireInitial = (
  problems: readonly TrainingProblem[],
  initial: Readonly<Record<string, ParameterState>>,
): ReadonlyMap<string, SetLayout> => {
  const layouts = layoutsOf(problems);
  for (const set of layouts.keys()) {
    if (!initial[set]) throw new CytoError("INTERNAL", `No initial state for the parameter set ${set}`);
  }
  requireFit(layouts, initial);
  return layouts;
};
