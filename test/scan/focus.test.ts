import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openVirtualMicroscope } from "../../bench/virtualMicroscope.js";
import { CytoError, createRandom } from "../../src/core/index.js";
import {
  autofocus,
  createFocusControl,
  type FocusPoint,
  type FocusSample,
  type FocusStep,
  focusMapThrough,
  mapPlaces,
  mostFocusFrames,
  nextFocusStep,
} from "../../src/scan/focus/index.js";

const reachUm = 18;
const range = { centreUm: 0, reachUm };

/** The steps of a search over a slide of a given sharpness by height. */
const search = (sharpnessAt: (zUm: number) => number): { step: FocusStep; samples: FocusSample[] } => {
  const samples: FocusSample[] = [];
  for (;;) {
    const step = nextFocusStep(samples, range);
    if (step.kind !== "look") return { step, samples };
    samples.push({ zUm: step.zUm, sharpness: sharpnessAt(step.zUm) });
    if (samples.length > 50) throw new Error("the search does not end");
  }
};

describe("the search for the best plane", () => {
  it("finds a peak wherever it is, with noise, in few pictures within the range", () => {
    fc.assert(
      fc.property(
        fc.double({ min: -15, max: 15, noNaN: true }),
        fc.double({ min: 1.5, max: 5, noNaN: true }),
        fc.double({ min: 1e-4, max: 1, noNaN: true }),
        fc.nat(),
        (peakUm, depthUm, level, seed) => {
          const random = createRandom(seed);
          const { step, samples } = search(
            (z) => (level / (1 + ((z - peakUm) / depthUm) ** 2)) * (1 + 0.005 * random.normal()),
          );
          expect(samples.length).toBeLessThanOrEqual(mostFocusFrames);
          expect(mostFocusFrames).toBeLessThanOrEqual(12);
          if (step.kind !== "found") throw new Error(JSON.stringify(step));
          expect(Math.abs(step.zUm - peakUm)).toBeLessThan(0.5);
          for (const { zUm } of samples) expect(Math.abs(zUm)).toBeLessThanOrEqual(reachUm + 1e-9);
        },
      ),
    );
  });

  it("ends without an answer where there is none: flat, ever sharper, or black", () => {
    for (const [sharpness, why] of [
      [() => 0.5, /no height is sharper/],
      [(z: number) => 1 + (z + reachUm) / 10, /upper end/],
      [(z: number) => 1 - z / 30, /lower end/],
      [() => 0, /shows nothing/],
      [() => Number.NaN, /shows nothing/],
    ] as const) {
      const { step } = search(sharpness);
      expect(step.kind === "none" && step.why).toMatch(why);
    }
  });

  it("takes equal steps for equal samples, whatever they are, and always ends", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 10, noNaN: true }), { minLength: 12, maxLength: 12 }), (values) => {
        let at = 0;
        const { step, samples } = search(() => values[at++]!);
        expect(samples.length).toBeLessThanOrEqual(mostFocusFrames);
        expect(nextFocusStep(samples, range)).toEqual(step);
        if (step.kind === "found") expect(Math.abs(step.zUm)).toBeLessThanOrEqual(reachUm);
      }),
    );
  });
});

const places = (columns: number, rows: number): { x: number; y: number }[] =>
  Array.from({ length: columns * rows }, (_, at) => ({
    x: 1000 * (at % columns),
    y: 1000 * Math.floor(at / columns),
  }));

describe("a map of the focus", () => {
  it("is the plane through few points, and the height itself through one", () => {
    const plane = (x: number, y: number): number => 3 + 0.002 * x - 0.001 * y;
    const map = focusMapThrough(places(2, 2).map(({ x, y }) => ({ x, y, z: plane(x, y) })));
    expect(map.at({ x: 400, y: 900 })).toBeCloseTo(plane(400, 900), 5);
    expect(focusMapThrough([{ x: 5, y: 5, z: 7 }]).at({ x: 900, y: 0 })).toBeCloseTo(7, 9);
    // On a line nothing is told of the other direction.
    const line = focusMapThrough(places(3, 1).map(({ x, y }) => ({ x, y, z: 0.001 * x })));
    expect(line.at({ x: 500, y: 0 })).toBeCloseTo(0.5, 2);
    expect(() => focusMapThrough([])).toThrow(CytoError);
  });

  it("predicts a bent slide within a um though some points are wrong, and says which", () => {
    const surface = (x: number, y: number): number =>
      0.002 * x + 3 * ((x / 3000 - 0.5) ** 2 + (y / 3000 - 0.5) ** 2) + 0.5 * Math.sin(x / 900);
    fc.assert(
      fc.property(fc.nat(15), fc.integer({ min: 4, max: 15 }), fc.boolean(), fc.nat(), (bad, off, up, seed) => {
        const random = createRandom(seed);
        const points: FocusPoint[] = places(4, 4).map(({ x, y }, at) => ({
          ...{ x, y },
          z: surface(x, y) + 0.1 * random.normal() + (at === bad ? (up ? off : -off) : 0),
        }));
        const map = focusMapThrough(points);
        expect(map.refused).toContain(points[bad]);
        expect(map.points.length + map.refused.length).toBe(points.length);
        for (const [x, y] of [
          [500, 500],
          [1500, 1500],
          [2500, 1200],
        ] as const)
          expect(Math.abs(map.at({ x, y }) - surface(x, y))).toBeLessThan(1);
      }),
    );
  });

  it("is measured at places over the whole plan, each once", () => {
    const centres = places(9, 7);
    const chosen = mapPlaces(centres);
    expect(new Set(chosen).size).toBe(chosen.length);
    expect(chosen.length).toBe(16);
    for (const corner of [centres[0]!, centres[8]!, centres[54]!, centres[62]!]) expect(chosen).toContain(corner);
    expect(mapPlaces([{ x: 3, y: 4 }])).toEqual([{ x: 3, y: 4 }]);
  });
});

const small = { fieldWidthPx: 320, fieldHeightPx: 240, umPerPixel: 0.25 };

describe("the focus of the virtual microscope", () => {
  it("is found from far off, with play, and by a scan's control wherever the slide is", async () => {
    const play = { x: 0, y: 0, z: 3 };
    await using microscope = await openVirtualMicroscope({
      name: "focus",
      camera: { ...small, focusTiltUmPerMm: { x: 1.5, y: -1 } },
      stage: { backlashUm: play },
      backlashUm: play,
    });
    const { stage, frames, camera, truth } = microscope;
    const errorUm = (): number => {
      const { x, y, z } = truth.placeUm();
      return Math.abs(z - camera.slide.focusZUm(x, y));
    };
    for (const [x, y, off] of [
      [5000, 4000, 14],
      [6500, 3000, -12],
    ] as const) {
      await stage.moveTo({ x, y, z: camera.slide.focusZUm(x, y) + off });
      const { frames: taken } = await autofocus({ stage, frames, reachUm });
      expect(taken).toBeLessThanOrEqual(12);
      expect(errorUm()).toBeLessThan(0.5);
    }
    const signal = new AbortController().signal;
    const focus = createFocusControl({ stage, frames, calibration: () => undefined });
    await focus.prepare(
      "map",
      [6400, 6600, 6800].flatMap((x) => [3000, 3300].map((y) => ({ x, y }))),
      signal,
    );
    await stage.moveTo({ x: 6700, y: 3150, z: focus.predict({ x: 6700, y: 3150 })! });
    expect(errorUm()).toBeLessThan(1);
    // Sharp fields are left alone; a dull one is looked at again.
    for (let field = 0; field < 6; field++) focus.quality(await frames.take(), 1);
    expect(await focus.atField({ x: 6700, y: 3150 }, signal)).toBeUndefined();
    focus.quality(await frames.take(), 0.3);
    expect(await focus.atField({ x: 6700, y: 3150 }, signal)).toMatchObject({ refocused: true });
    expect(errorUm()).toBeLessThan(0.5);
    // Some seventy painted pictures: seconds on a quiet machine, a minute on one that eight others use.
  }, 180_000);

  it("is not found on an empty slide, or beyond the limits; then the stage goes back", async () => {
    await using microscope = await openVirtualMicroscope({
      name: "nothing",
      camera: { ...small, redCellsPerMm2: 0, leukocytesPerMm2: 0, plateletsPerMm2: 0 },
      limitsUm: { z: { min: -40, max: 10 } },
    });
    const { stage, frames } = microscope;
    for (const [z, code] of [
      [-10, "FOCUS_FAILED"],
      [5, "STAGE_LIMIT"],
    ] as const) {
      await stage.moveTo({ x: 5000, y: 4000, z });
      await expect(autofocus({ stage, frames, reachUm })).rejects.toMatchObject({ code });
      expect(stage.status.positionUm).toMatchObject({ z });
    }
  });
});
