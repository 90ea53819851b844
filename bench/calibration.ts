import { createRandom, systemClock } from "../src/core/index.js";
import { calibrateOptics, registerPictures } from "../src/scan/optics/index.js";
import { slideMapping } from "../src/scan/run/index.js";
import type { BenchContext, BenchResult, Figure } from "./figures.js";
import { quantile } from "./statistics.js";
import { openVirtualMicroscope } from "./virtualMicroscope.js";

const umPerPixel = 0.16;
const rotationDegrees = 0.5;
const playUm = 20;
const placesLookedAt = 24;

interface Trial {
  /** Of each place: what the calibrated stage position is off by, px of the picture. */
  readonly errorsPx: readonly number[];
  readonly scaleError: number;
  readonly rotationError: number;
  readonly playErrorUm: number;
  readonly steps: number;
}

/** Calibrates one virtual microscope, then goes to places all over and compares where it says it is with where it is. */
const trial = async (seed: number, mirrored: boolean): Promise<Trial> => {
  const random = createRandom(seed);
  await using microscope = await openVirtualMicroscope({
    name: `calibration-${seed}`,
    camera: { seed, umPerPixel },
    stage: {
      rotationDegrees,
      mirrored,
      backlashUm: { x: playUm, y: playUm, z: 0 },
      travelUm: { y: { min: -8000, max: 8000 } },
    },
    backlashUm: { x: playUm, y: playUm, z: 0 },
  });
  const { stage, frames, truth, camera } = microscope;
  const sense = mirrored ? -1 : 1;
  const start = { x: 3000 + 4000 * random.next(), y: sense * (2500 + 2500 * random.next()) };
  await stage.moveTo({ ...start, z: camera.slide.focusZUm(start.x, Math.abs(start.y)) });
  const {
    calibration,
    playUm: found,
    steps,
  } = await calibrateOptics({ stage, frames, objective: "bench", clock: systemClock });
  const mapping = slideMapping(calibration);
  const origin = stage.status.positionUm!;
  const at = truth.placeUm();
  const errorsPx: number[] = [];
  for (let place = 0; place < placesLookedAt; place++) {
    // As far as two hundred fields of a scan lie apart.
    const away = { x: 1500 * (2 * random.next() - 1), y: 1500 * (2 * random.next() - 1) };
    const to = mapping.toStage({ x: mapping.toSlide(origin).x + away.x, y: mapping.toSlide(origin).y + away.y });
    const reached = await stage.moveTo(to);
    const said = mapping.toSlide(reached);
    const from = mapping.toSlide(origin);
    const really = truth.placeUm();
    errorsPx.push(Math.hypot(said.x - from.x - (really.x - at.x), said.y - from.y - (really.y - at.y)) / umPerPixel);
  }
  return {
    errorsPx,
    scaleError: Math.abs(calibration.umPerPixel / umPerPixel - 1),
    rotationError: Math.abs(calibration.rotationDegrees - rotationDegrees),
    // The control takes the play up: what a reversal loses beyond that is nothing.
    playErrorUm: Math.max(found.x, found.y),
    steps,
  };
};

const rms = (values: readonly number[]): number =>
  Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);

/** Registration alone: places a known way apart, pictures compared. */
const registrationErrorPx = async (seed: number): Promise<number[]> => {
  const random = createRandom(seed);
  await using microscope = await openVirtualMicroscope({ name: `registration-${seed}`, camera: { seed, umPerPixel } });
  const { stage, frames, camera } = microscope;
  const start = { x: 5000, y: 4000 };
  await stage.moveTo({ ...start, z: camera.slide.focusZUm(start.x, start.y) });
  const first = await frames.take();
  const errors: number[] = [];
  for (let trialNumber = 0; trialNumber < 8; trialNumber++) {
    const way = { x: 60 * (random.next() - 0.5), y: 60 * (random.next() - 0.5) };
    await stage.moveTo({ x: start.x + way.x, y: start.y + way.y });
    const shift = registerPictures(first, await frames.take());
    errors.push(
      shift === undefined
        ? Number.POSITIVE_INFINITY
        : Math.hypot(shift.dx - way.x / umPerPixel, shift.dy - way.y / umPerPixel),
    );
  }
  return errors;
};

/** Where fields are after a calibration, on virtual microscopes with play and a camera that is mounted askew. */
export const calibrationBench = async ({ quick }: BenchContext): Promise<BenchResult> => {
  const seeds = Array.from({ length: quick ? 2 : 6 }, (_, index) => index + 1);
  const trials: Trial[] = [];
  for (const seed of seeds) trials.push(await trial(seed, seed % 2 === 0));
  const registration = (await Promise.all(seeds.slice(0, 3).map(registrationErrorPx))).flat();
  const how = `${seeds.length} virtual microscopes, half of them mirrored, ${rotationDegrees} degrees of rotation, ${playUm} um of play in x and y; each calibrated from about ${trials[0]!.steps} pictures, then ${placesLookedAt} places up to 1.5 mm away`;
  const figures: Figure[] = [
    { name: "placementErrorPxRms", value: rms(trials.flatMap(({ errorsPx }) => errorsPx)), unit: "px", atMost: 1, how },
    { name: "scaleErrorMax", value: Math.max(...trials.map(({ scaleError }) => scaleError)), how },
    { name: "rotationErrorDegreesMax", value: Math.max(...trials.map(({ rotationError }) => rotationError)), how },
    {
      name: "registrationErrorPxP95",
      value: quantile(registration, 0.95),
      unit: "px",
      how: "two pictures up to 30 um apart",
    },
  ];
  return { figures, raw: { trials } };
};
