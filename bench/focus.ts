import { createRandom } from "../src/core/index.js";
import { autofocus, createFocusControl, mapPlaces } from "../src/scan/focus/index.js";
import type { BenchContext, BenchResult, Figure } from "./figures.js";
import { median, quantile } from "./statistics.js";
import { openVirtualMicroscope, type VirtualMicroscope } from "./virtualMicroscope.js";

const farthestUm = 15;
const reachUm = 18;
const playUm = 3;

const openMicroscope = (seed: number, kind: string): Promise<VirtualMicroscope> =>
  openVirtualMicroscope({
    name: `${kind}-${seed}`,
    camera: { seed, fieldWidthPx: 640, fieldHeightPx: 480 },
    stage: { backlashUm: { x: 0, y: 0, z: playUm } },
    backlashUm: { x: 0, y: 0, z: playUm },
  });

interface Found {
  readonly errorUm: number;
  readonly frames: number;
}

/** From up to 15 um off: where it ended, against where the slide really is in focus there. */
const searches = async (seed: number, places: number): Promise<Found[]> => {
  const random = createRandom(seed);
  await using microscope = await openMicroscope(seed, "autofocus");
  const { stage, frames, camera, truth } = microscope;
  const found: Found[] = [];
  for (let place = 0; place < places; place++) {
    const at = { x: 1500 + 9000 * random.next(), y: 1500 + 5000 * random.next() };
    const bestUm = camera.slide.focusZUm(at.x, at.y);
    await stage.moveTo({ ...at, z: bestUm + farthestUm * (2 * random.next() - 1) });
    try {
      const report = await autofocus({ stage, frames, reachUm });
      const really = truth.placeUm();
      found.push({ errorUm: Math.abs(really.z - camera.slide.focusZUm(really.x, really.y)), frames: report.frames });
    } catch {
      found.push({ errorUm: Number.POSITIVE_INFINITY, frames: 10 });
    }
  }
  return found;
};

/** A map over 4 x 3 mm: what it predicts at places between its own. */
const mapErrors = async (seed: number): Promise<number[]> => {
  const random = createRandom(seed);
  await using microscope = await openMicroscope(seed, "map");
  const { stage, frames, camera } = microscope;
  const centres = Array.from({ length: 29 * 28 }, (_, index) => ({
    x: 4000 + 138 * (index % 29),
    y: 2500 + 104 * Math.floor(index / 29),
  }));
  const [first] = mapPlaces(centres);
  await stage.moveTo({ ...first!, z: camera.slide.focusZUm(first!.x, first!.y) + 8 });
  const focus = createFocusControl({ stage, frames, calibration: () => undefined });
  await focus.prepare("map", centres, new AbortController().signal);
  // The stage's own heights are half its play above the table's.
  return Array.from({ length: 60 }, () => {
    const place = centres[random.int(centres.length)]!;
    return Math.abs(focus.predict(place)! - playUm / 2 - camera.slide.focusZUm(place.x, place.y));
  });
};

/** Focus on virtual microscopes, whose slides are tilted, bent and uneven, and whose drive has play. */
export const focusBench = async ({ quick }: BenchContext): Promise<BenchResult> => {
  const seeds = Array.from({ length: quick ? 2 : 5 }, (_, index) => index + 1);
  const found: Found[] = [];
  for (const seed of seeds) found.push(...(await searches(seed, 8)));
  const maps: number[] = [];
  for (const seed of seeds.slice(0, quick ? 1 : 2)) maps.push(...(await mapErrors(seed)));
  const errors = found.map(({ errorUm }) => errorUm);
  const how = `${found.length} places of ${seeds.length} slides, from up to ${farthestUm} um off, a drive with ${playUm} um of play`;
  const figures: Figure[] = [
    { name: "autofocusErrorUmMax", value: Math.max(...errors), unit: "um", atMost: 0.5, how },
    { name: "autofocusErrorUmMedian", value: median(errors), unit: "um", how },
    { name: "autofocusFramesMax", value: Math.max(...found.map(({ frames }) => frames)), atMost: 12, how },
    {
      name: "focusMapErrorUmMax",
      value: Math.max(...maps),
      unit: "um",
      atMost: 1,
      how: `${maps.length} places between those of maps over 4 x 3 mm`,
    },
    { name: "focusMapErrorUmP95", value: quantile(maps, 0.95), unit: "um", how: "the same" },
  ];
  return { figures, raw: { found, maps } };
};
