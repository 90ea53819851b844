import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { editDistance, nearestKey } from "../../src/config/nearest.js";
import { configLeaves } from "../../src/config/schemaTree.js";

describe("editDistance", () => {
  it.each([
    ["", "", 0],
    ["", "abc", 3],
    ["port", "prot", 1],
    ["port", "pot", 1],
    ["port", "sport", 1],
    ["port", "part", 1],
    ["ca", "abc", 3],
    ["kitten", "sitting", 3],
  ])("of %j and %j is %d", (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
  });

  it("is symmetric, zero for equals only, and bounded by the longer text", () => {
    const word = fc.string({ maxLength: 12 });
    fc.assert(
      fc.property(word, word, (a, b) => {
        const distance = editDistance(a, b);
        expect(distance).toBe(editDistance(b, a));
        expect(distance === 0).toBe(a === b);
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
        expect(distance).toBeGreaterThanOrEqual(Math.abs(a.length - b.length));
      }),
    );
  });
});

describe("nearestKey", () => {
  const known = configLeaves.map((leaf) => leaf.path);

  it("finds each key again after a slip of the pen in a longer name", () => {
    const long = known.filter((path) => path.length > 20);
    fc.assert(
      fc.property(fc.constantFrom(...long), fc.nat(), (path, at) => {
        const i = 1 + (at % (path.length - 2));
        expect(nearestKey(path.slice(0, i) + path.slice(i + 1), known)).toBe(path);
        expect(nearestKey(path.toUpperCase(), known)).toBe(path);
      }),
    );
  });

  it("finds a key that is given without its section", () => {
    expect(nearestKey("port", known)).toBe("publication.port");
    expect(nearestKey("umPerPixel", known)).toBe("optics.umPerPixel");
    expect(nearestKey("x", [])).toBeUndefined();
  });
});
