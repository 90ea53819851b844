import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cellClasses, differentialFive, leukocyteClasses } from "../../src/core/index.js";
import {
  countsOf,
  emptyTally,
  garwoodLimits,
  reduceTally,
  type Tally,
  wilsonLimits,
} from "../../src/counting/index.js";

const tallyOf = (given: Partial<Record<(typeof cellClasses)[number], number>>, knownUm2 = 0): Tally => ({
  ...emptyTally,
  classes: cellClasses.map((name) => given[name] ?? 0),
  knownUm2,
});

const model = { name: "unet", version: "1.0.0", sha256: "a".repeat(64) };

describe("counts", () => {
  it("adds children to their parents and gives limits", () => {
    const counts = countsOf(
      tallyOf({ erythrocyte: 900, leukocyte: 2, neutrophil: 12, erythroblast: 1, platelet: 45 }, 5e5),
      0.95,
    );
    expect(counts.classes.leukocyte.count).toBe(15);
    expect(counts.classes.neutrophil.count).toBe(12);
    expect(counts.classes.leukocyte.limits).toEqual(garwoodLimits(15));
    expect(counts.areaMm2).toBe(0.5);
    expect(counts.classes.erythrocyte.perMm2?.value).toBe(1800);
    expect(counts.classes.erythrocyte.perMm2?.limits.low).toBeCloseTo(garwoodLimits(900).low * 2, 9);
    expect(counts.unsureLeukocytes.count).toBe(2);
    expect(counts.unsureLeukocytes.percentOfLeukocytes?.value).toBeCloseTo(200 / 15, 12);
    expect(counts.ratios.erythrocytesPerPlatelet).toMatchObject({ value: 20, numerator: 900, denominator: 45 });
    expect(counts.ratios.erythroblastsPer100Leukocytes).toMatchObject({ denominator: 14, numerator: 1 });
  });

  it("gives the differential of five and of seven per 100 named leukocytes", () => {
    const { five, seven } = countsOf(
      tallyOf({
        leukocyte: 9,
        neutrophil: 60,
        lymphocyte: 30,
        monocyte: 6,
        eosinophil: 3,
        basophil: 1,
        "immature-granulocyte": 4,
        erythroblast: 2,
      }),
      0.95,
    ).differential;
    expect(five.total).toBe(100);
    expect(seven.total).toBe(106);
    expect(five.classes.map(({ cellClass }) => cellClass)).toEqual([...differentialFive]);
    expect(seven.classes.map(({ cellClass }) => cellClass)).toEqual([...leukocyteClasses]);
    expect(five.classes[0]!.percent).toMatchObject({ value: 60 });
    expect(five.classes[0]!.percent!.limits.low).toBeCloseTo(100 * wilsonLimits(60, 100).low, 10);
  });

  it("invents nothing where nothing was seen", () => {
    const counts = countsOf(emptyTally, 0.95);
    expect(counts.classes.erythrocyte.perMm2).toBeUndefined();
    expect(counts.differential.five.classes.every(({ percent }) => percent === null)).toBe(true);
    expect(Object.values(counts.ratios)).toEqual([null, null, null, null]);
    expect(counts.lastSequence).toBeNull();
  });

  it("survives JSON unchanged, and its percentages add up to 100", () => {
    const classes = fc.array(fc.nat(10_000), { minLength: cellClasses.length, maxLength: cellClasses.length });
    fc.assert(
      fc.property(classes, fc.nat(1e9), (given, knownUm2) => {
        const counts = countsOf({ ...emptyTally, classes: given, knownUm2 }, 0.95);
        expect(JSON.parse(JSON.stringify(counts))).toEqual(counts);
        for (const { classes: entries, total } of Object.values(counts.differential)) {
          const sum = entries.reduce((all, { percent }) => all + (percent?.value ?? 0), 0);
          expect(sum).toBeCloseTo(total === 0 ? 0 : 100, 8);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe("the reducer", () => {
  it("is pure: neither tally nor change is touched, equal steps give equal tallies", () => {
    const change = fc.oneof(
      fc.record({
        kind: fc.constantFrom("repeated" as const, "unplaced" as const),
        sequence: fc.nat(),
        areas: fc.nat(5),
      }),
      fc.record({
        kind: fc.constant("counted" as const),
        sequence: fc.nat(),
        areas: fc.nat(5),
        classes: fc.array(fc.nat(50), { minLength: cellClasses.length, maxLength: cellClasses.length }),
        separate: fc.boolean(),
        grownUm2: fc.nat(10_000),
        forgottenCells: fc.constant(0),
        simulated: fc.boolean(),
        models: fc.constantFrom([], [model], [model, { ...model, version: "1.1.0" }]),
      }),
    );
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
        const frozen = changes.map((step) => Object.freeze(step));
        const step = (tally: Tally, next: (typeof frozen)[number]): Tally => Object.freeze(reduceTally(tally, next));
        const tally = frozen.reduce(step, Object.freeze(emptyTally));
        expect(frozen.reduce(step, emptyTally)).toEqual(tally);
        const { counted, repeated, unplaced } = tally.fields;
        expect(counted + repeated + unplaced).toBe(changes.length);
        expect(tally.simulated).toBe(changes.some((next) => next.kind === "counted" && next.simulated));
        expect(tally.models.length).toBeLessThanOrEqual(2);
      }),
    );
  });
});
