import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Assignment, type SplitField, splitFields } from "../../../src/training/jobs/split.js";

const policy = { validationShare: 0.2, leastValidation: 5, calibrationShare: 0.15, leastCalibration: 2 };

const fieldsOf = (most: number): fc.Arbitrary<readonly SplitField[]> =>
  fc.uniqueArray(
    fc.record({
      id: fc.integer({ min: 0, max: 10_000 }).map(String),
      slide: fc.option(fc.integer({ min: 0, max: 40 }).map(String), { nil: undefined }),
      group: fc.option(fc.integer({ min: 0, max: 60 }).map(String), { nil: undefined }),
    }),
    { selector: ({ id }) => id, maxLength: most },
  );

const split = (fields: readonly SplitField[], known: readonly Assignment[] = []) =>
  splitFields(fields, known, { policy, atMs: 1 });

const isTrained = (part: string | undefined): boolean => part === "train" || part === "calibration";

describe("the split by slide and look-alike group", () => {
  it("gives each field one part, and never parts fields of one slide or group", () => {
    fc.assert(
      fc.property(fieldsOf(60), (fields) => {
        const { parts } = split(fields);
        expect([...parts.keys()].sort()).toEqual(fields.map(({ id }) => id).sort());
        for (const a of fields)
          for (const b of fields)
            if ((a.slide !== undefined && a.slide === b.slide) || (a.group !== undefined && a.group === b.group))
              expect(parts.get(a.id)).toBe(parts.get(b.id));
      }),
    );
  });

  it("does not depend on the order of the fields", () => {
    fc.assert(
      fc.property(fieldsOf(40), (fields) => {
        const [there, back] = [split(fields).parts, split([...fields].reverse()).parts];
        for (const { id } of fields) expect(there.get(id)).toBe(back.get(id));
      }),
    );
  });

  it("keeps what is validation for ever, and adds to it new groups alone", () => {
    fc.assert(
      fc.property(fieldsOf(60), fieldsOf(60), (first, more) => {
        const before = split(first);
        const known = new Set(first.map(({ id }) => id));
        const all = [...first, ...more.filter(({ id }) => !known.has(id))];
        const after = split(all, before.assignments);
        const frozen = new Set(first.filter(({ id }) => before.parts.get(id) === "validation").map(({ id }) => id));
        for (const id of frozen) expect(after.parts.get(id)).toBe("validation");
        // One that was learnt from stays so, unless new fields tie it to frozen ones.
        const again = split(first, before.assignments);
        for (const { id } of first) expect(again.parts.get(id)).toBe(before.parts.get(id));
        for (const { id } of first)
          if (isTrained(before.parts.get(id)) && after.parts.get(id) === "validation")
            expect(all.length).toBeGreaterThan(first.length);
      }),
    );
  });

  it("leaves more than nothing to learn from, and has its least validation where slides allow it", () => {
    const fields = Array.from({ length: 30 }, (_, index) => ({ id: `f${index}`, slide: `s${index}` }));
    const { parts } = split(fields);
    const count = (part: string) => [...parts.values()].filter((one) => one === part).length;
    expect(count("validation")).toBeGreaterThanOrEqual(5);
    expect(count("calibration")).toBeGreaterThanOrEqual(2);
    expect(count("train")).toBeGreaterThanOrEqual(8);
    const one = split(fields.map(({ id }) => ({ id, slide: "the only one" })));
    expect(new Set(one.parts.values()).size).toBe(1);
  });
});
