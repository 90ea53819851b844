import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRandom, leukocyteClasses } from "../../src/core/index.js";
import { drawPatch, fitPatch, nucleus, outside, turnedAspect } from "../../src/training/masks/index.js";

const redCellPx = 40;
const patchOf = (seed: number, cellClass: "erythrocyte" | "platelet" | (typeof leukocyteClasses)[number]) =>
  drawPatch({ cellClass, diameter: 1.2, elongation: 0.2, redCellPx }, createRandom(seed));

const boxes = fc.record({
  left: fc.double({ min: -200, max: 200, noNaN: true }),
  top: fc.double({ min: -200, max: 200, noNaN: true }),
  width: fc.double({ min: 30, max: 90, noNaN: true }),
  height: fc.double({ min: 30, max: 90, noNaN: true }),
});
const poses = fc.record({ flip: fc.boolean(), angle: fc.double({ min: 0, max: 7, noNaN: true }) });

/** Where the cell of a laid patch reaches to, whole px. */
const reachOf = ({ left, top, patch }: ReturnType<typeof fitPatch>) => {
  const places = [...patch.parts.keys()].filter((at) => patch.parts[at] !== outside);
  const columns = places.map((at) => at % patch.width);
  const rows = places.map((at) => Math.floor(at / patch.width));
  return {
    left: left + Math.min(...columns),
    top: top + Math.min(...rows),
    right: left + Math.max(...columns) + 1,
    bottom: top + Math.max(...rows) + 1,
  };
};

describe("a patch that is fitted into a box", () => {
  it("fills it, wherever the box lies and however the patch is turned", () => {
    fc.assert(
      fc.property(boxes, poses, fc.nat(50), ({ left, top, width, height }, pose, seed) => {
        const box = { left, top, right: left + width, bottom: top + height };
        const laid = fitPatch(patchOf(seed, "lymphocyte"), pose, { box, redCellPx });
        const reach = reachOf(laid);
        // A pixel belongs to the cell where its middle does, so half a pixel either way; a sliver of an outline may end short.
        for (const side of ["left", "top", "right", "bottom"] as const)
          expect(Math.abs(reach[side] - box[side]), side).toBeLessThan(1.5);
        expect(laid.patch.edges.every((edge, at) => edge === 0 || laid.patch.parts[at] !== outside)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it("keeps its class and its nucleus", () => {
    for (const cellClass of leukocyteClasses) {
      const box = { left: 3.3, top: 4.7, right: 60.1, bottom: 55.5 };
      const { patch } = fitPatch(patchOf(1, cellClass), { flip: false, angle: 1 }, { box, redCellPx });
      expect(patch.cellClass).toBe(cellClass);
      expect(patch.parts.filter((part) => part === nucleus).length).toBeGreaterThan(100);
    }
  });

  it("has the ratio of its sides turned over by a quarter turn", () => {
    const patch = patchOf(7, "erythrocyte");
    const upright = turnedAspect(patch, { flip: false, angle: 0 });
    expect(turnedAspect(patch, { flip: false, angle: Math.PI / 2 })).toBeCloseTo(-upright, 6);
    expect(turnedAspect(patch, { flip: true, angle: 0 })).toBeCloseTo(upright, 6);
  });
});
