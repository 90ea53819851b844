import { createRandom } from "../src/core/index.js";
import { judgeCandidate, nextLevel } from "../src/registry/index.js";
import { realisticTruth, type SimulatedTruth, simulateTallies } from "../test/registry/gate/simulate.js";
import type { BenchContext, BenchResult, Figure } from "./figures.js";

/** Of the year, as configured unless told otherwise; points of P. */
const alpha = 0.05;
const marginPoints = 3;
const nightMs = 86_400_000;

/** Levels that a night may have: the year's first, after weekly tests for a year, after nightly ones, and that of a single test. */
const nights = (() => {
  const after = (tests: number, everyDays: number): number => {
    const spent: { atMs: number; alpha: number }[] = [];
    for (let test = 0; test <= tests; test++) {
      const atMs = test * everyDays * nightMs;
      spent.push({ atMs, alpha: nextLevel(alpha, spent, atMs) });
    }
    return spent.at(-1)!.alpha;
  };
  return [
    { name: "first of a year", level: after(0, 1) },
    { name: "each week, a year on", level: after(52, 7) },
    { name: "each night, a year on", level: after(364, 1) },
  ] as const;
})();

/** Part of simulated candidates that are promoted. */
const promotedPart = (truth: SimulatedTruth, fields: number, level: number, rounds: number): number => {
  const random = createRandom(fields);
  let promoted = 0;
  for (let round = 0; round < rounds; round++) {
    const tallies = simulateTallies(random, truth, { validation: fields, old: 100 });
    const question = { candidate: "unet@1.1.0-lab.1", active: "unet@1.0.0", tallies, alpha: level, marginPoints };
    if (judgeCandidate({ ...question, atMs: 0 }).decision === "promote") promoted++;
  }
  return promoted / rounds;
};

const percent = (part: number): string => `${(100 * part).toFixed(1)} %`;

const powerTable = (rounds: number): { text: string[]; raw: unknown } => {
  const gains = [0.01, 0.02, 0.03];
  const sizes = [50, 100, 200, 400, 1000];
  const raw = nights.flatMap(({ name, level }) =>
    gains.flatMap((gain) =>
      sizes.map((fields) => ({
        ...{ night: name, level, gainPoints: 100 * gain, fields },
        power: promotedPart(realisticTruth(-gain), fields, level, rounds),
      })),
    ),
  );
  const rows = raw.map(({ night, level, gainPoints, fields, power }) => {
    const what = `${night} (${level.toPrecision(2)})`;
    return `${what.padEnd(34)} +${gainPoints} points  ${String(fields).padStart(5)} fields  promoted ${percent(power)}`;
  });
  return { text: ["Power: better candidates that are promoted", ...rows], raw };
};

/** Worse ones by how much, at the level of a year's first test and, harder to keep out, at that of a single test. */
const errorTable = (
  rounds: number,
): { text: string[]; raw: { worseByPoints: number; first: number; single: number }[] } => {
  const raw = [0, 0.25, 0.5, 1, 2].map((points) => ({
    worseByPoints: points,
    first: promotedPart(realisticTruth(points / 100), 100, nights[0].level, rounds),
    single: promotedPart(realisticTruth(points / 100), 100, alpha, rounds),
  }));
  const rows = raw.map(({ worseByPoints, first, single }) => {
    const worse = `worse by ${worseByPoints} points`.padEnd(22);
    return `${worse} promoted ${percent(first)} at ${nights[0].level.toPrecision(2)}, ${percent(single)} at ${alpha}`;
  });
  return { text: ["Worse candidates, 100 validation fields", ...rows], raw };
};

/** What the gate cannot see: a rare class that is lost while all else gets better. */
const watchedTable = (rounds: number): string[] => {
  const truth = realisticTruth(-0.02);
  const rows = [0.05, 0.1, 0.2, 0.4].map((lost) => {
    const rare = { cells: 0.3, active: 0.05, candidate: 0.05 + lost, shared: 0.5 };
    const part = promotedPart({ ...truth, basophil: rare }, 200, nights[0].level, rounds);
    return `rare class worse by ${String(100 * lost).padStart(2)} points  promoted ${percent(part)}`;
  });
  return [
    "2 points better but for a class of 0.3 cells a field, which is only watched; 200 validation fields",
    ...rows,
  ];
};

/** The gate against simulated candidates whose truth is known. */
export const gateBench = async ({ quick }: BenchContext): Promise<BenchResult> => {
  const rounds = quick ? 100 : 1000;
  const errors = errorTable(rounds);
  const power = powerTable(Math.round(rounds / 5));
  const worst = Math.max(...errors.raw.map(({ first }) => first));
  const plusOne = promotedPart(realisticTruth(-0.01), 1000, nights[0].level, Math.round(rounds / 5));
  const figures: Figure[] = [
    {
      ...{ name: "gate.worsePromoted", value: worst, unit: "part", atMost: alpha },
      how: `${rounds} simulated candidates each that are worse by 0 to 2 points, 100 fields; alpha ${alpha} a year`,
    },
    {
      ...{ name: "gate.powerPlusOne", value: plusOne, unit: "part" },
      how: `simulated candidates better by one point that are promoted, 1,000 validation fields, first test of a year`,
    },
  ];
  const text = [...errors.text, "", ...power.text, "", ...watchedTable(Math.round(rounds / 2))];
  return { figures, text, raw: { errors: errors.raw, power: power.raw } };
};
