import type { Random } from "../../../src/core/index.js";
import type { ClassTally, FieldTally, ModelTallies } from "../../../src/registry/index.js";

/** What is known of the truth of two models, for one class. */
export interface ClassTruth {
  /** True cells of a field, on average; each field has its own number (geometric above 0, so fields differ much). */
  readonly cells: number;
  /** Errors a cell of the model in production, half of them missed, half falsely found. */
  readonly active: number;
  /** Errors a cell of the candidate. */
  readonly candidate: number;
  /** Part of the errors of the better model that both make; the rest is each one's own. */
  readonly shared: number;
}

export type SimulatedTruth = Readonly<Record<string, ClassTruth>>;

const poisson = (random: Random, mean: number): number => {
  let [count, product] = [0, random.next()];
  const limit = Math.exp(-mean);
  while (product > limit) {
    count++;
    product *= random.next();
  }
  return count;
};

/** Gamma with mean 1 and the given shape: how much harder a field is than others. */
const hardness = (random: Random, shape: number): number => {
  let sum = 0;
  for (let i = 0; i < shape; i++) sum -= Math.log(1 - random.next());
  return sum / shape;
};

const binomial = (random: Random, n: number, p: number): number => {
  let count = 0;
  for (let i = 0; i < n; i++) if (random.next() < p) count++;
  return count;
};

/** Errors as missed and falsely found ones; no more missed than there are cells. */
const tally = (random: Random, T: number, errors: number): ClassTally => {
  const M = Math.min(T, binomial(random, errors, 0.5));
  return { T, M, e: errors - M };
};

/**
 * Tallies of two models over fields as they come: some fields are much harder than others, for both; part of the errors
 * are made by both.
 */
export const simulateFields = (
  random: Random,
  truth: SimulatedTruth,
  fields: number,
): { candidate: FieldTally[]; active: FieldTally[] } => {
  const candidate: FieldTally[] = [];
  const active: FieldTally[] = [];
  for (let index = 0; index < fields; index++) {
    const hard = hardness(random, 2);
    const [ours, theirs]: Record<string, ClassTally>[] = [{}, {}];
    for (const [name, { cells, active: rate, candidate: other, shared }] of Object.entries(truth)) {
      const T = poisson(random, cells * hardness(random, 3));
      const both = poisson(random, hard * T * shared * Math.min(rate, other));
      theirs![name] = tally(random, T, both + poisson(random, hard * T * (rate - shared * Math.min(rate, other))));
      ours![name] = tally(random, T, both + poisson(random, hard * T * (other - shared * Math.min(rate, other))));
    }
    candidate.push({ id: `f${index}`, classes: ours! });
    active.push({ id: `f${index}`, classes: theirs! });
  }
  return { candidate, active };
};

/** Errors a cell as the shipped detector makes them on real fields, pooled and in the rarer classes. */
export const realisticTruth = (worseBy: number, platelets = worseBy): SimulatedTruth => ({
  erythrocyte: { cells: 14, active: 0.08, candidate: 0.08 + worseBy, shared: 0.5 },
  leukocyte: { cells: 1.1, active: 0.04, candidate: Math.max(0, 0.04 + worseBy), shared: 0.5 },
  platelet: { cells: 0.9, active: 0.16, candidate: 0.16 + platelets, shared: 0.5 },
});

export const simulateTallies = (
  random: Random,
  truth: SimulatedTruth,
  fields: { validation: number; old: number },
): { candidate: ModelTallies; active: ModelTallies } => {
  const validation = simulateFields(random.fork(1), truth, fields.validation);
  const old = simulateFields(random.fork(2), truth, fields.old);
  random.next();
  return {
    candidate: { validation: validation.candidate, old: old.candidate },
    active: { validation: validation.active, old: old.active },
  };
};
