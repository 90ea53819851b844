import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openVirtualMicroscope } from "../../bench/virtualMicroscope.js";
import { CytoError, createRandom, systemClock } from "../../src/core/index.js";
import {
  calibrateOptics,
  findShift,
  LightCorrector,
  lightOf,
  openOpticsStore,
  type Sighting,
  solveOptics,
  verifyObjective,
} from "../../src/scan/optics/index.js";
import { slideMapping } from "../../src/scan/run/index.js";

const failureOf = async (work: () => unknown): Promise<CytoError> => {
  try {
    await work();
  } catch (error) {
    return CytoError.from(error);
  }
  throw new Error("it did not fail");
};

interface Picture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array<ArrayBuffer>;
}

const paint = (width: number, height: number, grey: (x: number, y: number) => number): Picture => {
  const pixels = new Uint8Array(3 * width * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) pixels.fill(Math.round(grey(x, y)), 3 * (y * width + x), 3 * (y * width + x) + 3);
  return { width, height, pixels };
};

/** Discs thrown over a plane: what cells are to a registration. */
const discs = (seed: number, count: number): ((x: number, y: number) => number) => {
  const random = createRandom(seed);
  const thrown = Array.from({ length: count }, () => ({
    x: 700 * random.next() - 150,
    y: 600 * random.next() - 150,
    r: 7 + 5 * random.next(),
  }));
  const near = new Map<string, typeof thrown>();
  for (const disc of thrown)
    for (let row = -1; row <= 1; row++)
      for (let column = -1; column <= 1; column++) {
        const key = `${Math.floor(disc.x / 20) + column},${Math.floor(disc.y / 20) + row}`;
        near.set(key, [...(near.get(key) ?? []), disc]);
      }
  return (x, y) =>
    (near.get(`${Math.floor(x / 20)},${Math.floor(y / 20)}`) ?? []).reduce(
      (grey, disc) => grey - 60 / (1 + Math.exp(2 * (Math.hypot(x - disc.x, y - disc.y) - disc.r))),
      220,
    );
};

describe("registered pictures", () => {
  it("tell by how much the field moved, to a part of a pixel", () => {
    const slide = discs(1, 300);
    const first = paint(320, 240, slide);
    for (const [dx, dy] of [
      [0, 0],
      [31, -17],
      [-64.5, 40.25],
    ] as const) {
      const shift = findShift(
        first,
        paint(320, 240, (x, y) => slide(x + dx, y + dy)),
      );
      if (typeof shift === "string") throw new Error(shift);
      expect(Math.hypot(shift.dx - dx, shift.dy - dy)).toBeLessThan(0.15);
    }
  });

  it("say why they tell nothing", () => {
    const first = paint(320, 240, discs(1, 300));
    expect(findShift(first, paint(320, 240, discs(2, 300)))).toBe("unlike");
    expect(
      findShift(
        first,
        paint(320, 240, () => 200),
      ),
    ).toBe("featureless");
    const grid = paint(320, 240, (x, y) => 180 + 40 * Math.sin(x / 4) * Math.sin(y / 4));
    expect(findShift(grid, grid)).toBe("ambiguous");
    expect(findShift(first, paint(240, 320, discs(1, 300)))).toBe("unlike");
  });
});

interface Mounting {
  readonly degrees: number;
  readonly mirrored: boolean;
  readonly umPerPixel: number;
}

const ways = [
  [-60, -60],
  [0, -60],
  [60, 0],
  [-60, 60],
  [0, 60],
  [500, 0],
] as const;

const sightingsOf = ({ degrees, mirrored, umPerPixel }: Mounting): Sighting[] =>
  ways.map(([x, y]) => {
    const angle = (degrees * Math.PI) / 180;
    const across = mirrored ? -y : y;
    const right = x * Math.cos(angle) - across * Math.sin(angle);
    const down = x * Math.sin(angle) + across * Math.cos(angle);
    return { stageUm: { x, y }, shiftPx: { x: right / umPerPixel, y: down / umPerPixel } };
  });

describe("the solution of the optics", () => {
  const mountings = fc.record<Mounting>({
    degrees: fc.double({ min: -179, max: 179, noNaN: true }),
    mirrored: fc.boolean(),
    umPerPixel: fc.double({ min: 0.05, max: 2, noNaN: true }),
  });

  it("is the mounting, however it is turned, and there is a way back", () => {
    fc.assert(
      fc.property(mountings, (mounting) => {
        const solution = solveOptics(sightingsOf(mounting));
        expect(solution.umPerPixel).toBeCloseTo(mounting.umPerPixel, 9);
        expect(solution.rotationDegrees).toBeCloseTo(mounting.degrees, 6);
        expect(solution.mirrored).toBe(mounting.mirrored);
        expect(solution.residualPx).toBeLessThan(1e-6);
        const { toSlide, toStage } = slideMapping(solution);
        const there = toStage(toSlide({ x: 12, y: -7 }));
        expect(there.x).toBeCloseTo(12, 9);
        expect(there.y).toBeCloseTo(-7, 9);
      }),
    );
  });

  it("is refused where an axis does not move the picture, or moves it the other's way", async () => {
    const right = sightingsOf({ degrees: 3, mirrored: false, umPerPixel: 0.2 });
    const noisy = (value: number): number => value + 0.3;
    const dead = right.map(({ stageUm, shiftPx }) => ({ stageUm, shiftPx: { x: shiftPx.x, y: noisy(0) } }));
    expect((await failureOf(() => solveOptics(dead))).message).toMatch(/much less with the stage's y/);
    const wired = right.map(({ stageUm }) => ({ stageUm, shiftPx: { x: noisy(stageUm.x + stageUm.y), y: 0 } }));
    expect((await failureOf(() => solveOptics(wired))).message).toMatch(/same way/);
    expect((await failureOf(() => solveOptics(right.slice(2, 3)))).code).toBe("CALIBRATION_FAILED");
  });
});

const small = { fieldWidthPx: 480, fieldHeightPx: 360, umPerPixel: 0.25 };

describe("a calibration on the virtual microscope", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "cytostream-optics-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("places fields within a pixel, with play and a camera askew, is kept, and tells another objective", async () => {
    const play = { x: 20, y: 20, z: 0 };
    await using microscope = await openVirtualMicroscope({
      name: "optics",
      camera: small,
      stage: { rotationDegrees: 0.5, mirrored: true, backlashUm: play, travelUm: { y: { min: -8000, max: 8000 } } },
      backlashUm: play,
    });
    const { stage, frames, truth, camera } = microscope;
    await stage.moveTo({ x: 5000, y: -4000, z: camera.slide.focusZUm(5000, 4000) });
    const home = stage.status.positionUm!;
    const { calibration } = await calibrateOptics({ stage, frames, objective: "toy", clock: systemClock });
    expect(stage.status.positionUm).toEqual(home);
    expect(calibration.mirrored).toBe(true);
    expect(calibration.umPerPixel / small.umPerPixel).toBeCloseTo(1, 2);
    const { toSlide } = slideMapping(calibration);
    const [from, at] = [toSlide(home), truth.placeUm()];
    const errorsPx: number[] = [];
    for (const away of [-600, 400, 700]) {
      const said = toSlide(await stage.moveTo({ x: home.x + away, y: home.y - away / 2 }));
      const really = truth.placeUm();
      const [x, y] = [said.x - from.x - (really.x - at.x), said.y - from.y - (really.y - at.y)];
      errorsPx.push(Math.hypot(x, y) / small.umPerPixel);
    }
    expect(Math.hypot(...errorsPx) / Math.sqrt(errorsPx.length)).toBeLessThan(1);

    const path = join(folder, "optics.journal");
    {
      await using store = await openOpticsStore(path);
      expect(store.calibration("toy")).toBeUndefined();
      await store.keepCalibration({ ...calibration, umPerPixel: 9 });
      await store.keepCalibration(calibration);
    }
    await using kept = await openOpticsStore(path);
    expect(kept.calibration("toy")).toEqual(calibration);
    expect(kept.calibration("other")).toBeUndefined();

    await stage.moveTo({ x: home.x, y: home.y });
    await verifyObjective(calibration, { stage, frames });
    const changed = { ...calibration, umPerPixel: 2 * calibration.umPerPixel };
    expect((await failureOf(() => verifyObjective(changed, { stage, frames }))).code).toBe("OBJECTIVE_CHANGED");
  });

  it("fails where the slide is empty, and where the stage does not carry the slide", async () => {
    await using empty = await openVirtualMicroscope({
      name: "empty",
      camera: { ...small, redCellsPerMm2: 0, leukocytesPerMm2: 0, plateletsPerMm2: 0 },
    });
    await empty.stage.moveTo({ x: 5000, y: 4000, z: 0 });
    const nothing = await failureOf(() => calibrateOptics({ ...empty, objective: "toy", clock: systemClock }));
    expect(nothing.code).toBe("CALIBRATION_FAILED");
    // Two microscopes: the stage of one, the camera of the other.
    await using other = await openVirtualMicroscope({ name: "other", camera: small });
    await other.stage.moveTo({ x: 5000, y: 4000, z: other.camera.slide.focusZUm(5000, 4000) });
    const still = await failureOf(() =>
      calibrateOptics({ stage: empty.stage, frames: other.frames, objective: "toy", clock: systemClock }),
    );
    expect(still).toMatchObject({ code: "CALIBRATION_FAILED" });
    expect(still.message).toMatch(/does not move/);
  });
});

describe("the light", () => {
  const dim = (x: number, y: number): number =>
    225 * (1 - 0.25 * ((x / 240 - 1) ** 2 + (y / 180 - 1) ** 2) - 0.06 * (x / 240 - 1));
  const empty = (seed: number): Picture => {
    const random = createRandom(seed);
    const picture = paint(480, 360, (x, y) => dim(x, y) + 1.5 * random.normal());
    // A warm lamp: blue is less.
    for (let at = 2; at < picture.pixels.length; at += 3) picture.pixels[at] = Math.round(0.8 * picture.pixels[at]!);
    return picture;
  };

  it("is made even and white, as pictures that were not measured show", async () => {
    const light = lightOf([1, 2, 3].map(empty));
    expect(light.evennessBefore).toBeLessThan(0.7);
    expect(light.evenness).toBeGreaterThan(0.95);
    const seen = empty(9);
    expect(new LightCorrector(light).apply(seen)).toBe(true);
    const meanOf = (channel: number, [left, top]: readonly [number, number]): number => {
      let sum = 0;
      for (let y = top; y < top + 40; y++)
        for (let x = left; x < left + 40; x++) sum += seen.pixels[3 * (y * 480 + x) + channel]!;
      return sum / 1600;
    };
    const means = [0, 1, 2].flatMap((channel) =>
      (
        [
          [0, 0],
          [440, 320],
          [220, 160],
          [0, 320],
        ] as const
      ).map((place) => meanOf(channel, place)),
    );
    expect(Math.min(...means) / Math.max(...means)).toBeGreaterThan(0.97);
  });

  it("leaves frames of another size alone, and refuses dark and clipped fields", async () => {
    const corrector = new LightCorrector(lightOf([empty(1)]));
    const other = paint(20, 20, () => 100);
    expect(corrector.apply(other)).toBe(false);
    expect(other.pixels.every((value) => value === 100)).toBe(true);
    for (const level of [5, 255]) {
      const flat = paint(480, 360, () => level);
      expect((await failureOf(() => lightOf([flat]))).code).toBe("CALIBRATION_FAILED");
    }
    expect((await failureOf(() => lightOf([empty(1), other]))).code).toBe("CALIBRATION_FAILED");
    expect((await failureOf(() => lightOf([]))).code).toBe("CALIBRATION_FAILED");
  });
});
