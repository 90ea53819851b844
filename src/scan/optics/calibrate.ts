import type { StagePositionUm } from "../../../drivers/index.js";
import { type Clock, CytoError, type Frame } from "../../core/index.js";
import type { FrameSource, OpticsCalibration, StageControl } from "../ports.js";
import { findShift, registerPictures, type Shift, type Unregistered } from "./shift.js";
import { type Sighting, type Solution, solveOptics } from "./solve.js";

export interface CalibrateOptions {
  readonly stage: StageControl;
  readonly frames: FrameSource;
  readonly objective: string;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
}

export interface CalibrationResult {
  readonly calibration: OpticsCalibration;
  /** What a reversal loses, um, beyond what the stage's control takes up already. */
  readonly playUm: { readonly x: number; readonly y: number };
  /** Pictures that were registered. */
  readonly steps: number;
}

/** The first ways, um, each twice the last, until the picture has moved by enough to tell a scale from. */
const firstWayUm = 4;
const longestWayUm = 4096;
const tellingShare = 0.06;
/** Ways that the calibration is solved from, as a share of the field's shorter side. */
const wayShare = 0.22;
/** Places looked at, in ways from the middle: both axes, both diagonals, both senses. */
const places = [
  [-1, -1],
  [0, -1],
  [1, -1],
  [-1, 0],
  [1, 0],
  [-1, 1],
  [0, 1],
  [1, 1],
] as const;
/** A long walk along each axis, picture by picture: steps to either side, as a share of the field. */
const longSteps = 8;
const longStepShare = 0.45;
/** What may be left of the shifts, px, and as a share of a way. */
const leastTolerancePx = 1.5;
const toleranceShare = 0.02;

const failed = (why: string, context: Readonly<Record<string, unknown>> = {}): CytoError =>
  new CytoError("CALIBRATION_FAILED", why, { context });

type Place = Readonly<{ x: number; y: number }>;

/** Moves and looks: always from the left and the top, so that no play enters. */
class Walk {
  steps = 0;
  constructor(
    readonly options: CalibrateOptions,
    readonly home: StagePositionUm,
  ) {}

  /** Where it is told to stand, from home: a stage goes in steps, and not quite where it was sent. */
  at: Place = { x: 0, y: 0 };

  async goTo({ x, y }: Place): Promise<void> {
    const to = { x: this.home.x + x, y: this.home.y + y };
    const reached = await this.options.stage.moveTo(to, this.options.signal);
    this.at = { x: reached.x - this.home.x, y: reached.y - this.home.y };
  }

  /** The way from a place to where it stands. */
  wayFrom({ x, y }: Place): Place {
    return { x: this.at.x - x, y: this.at.y - y };
  }

  async lookFrom(place: Place, runUp: number): Promise<Frame> {
    await this.goTo({ x: place.x - runUp, y: place.y - runUp });
    return this.lookAt(place);
  }

  async lookAt(place: Place): Promise<Frame> {
    await this.goTo(place);
    this.steps++;
    return this.options.frames.take(this.options.signal);
  }
}

const whyLost: Readonly<Record<Unregistered, string>> = {
  featureless: "The picture shows too little to tell by how much it moves. Bring cells into focus.",
  unlike: "The picture is lost from one step to the next: too few cells, or the light changes.",
  ambiguous: "The picture fits at several places: it repeats itself. Move to a place with cells.",
};

const lengthOf = ({ dx, dy }: Shift): number => Math.hypot(dx, dy);

/** A way along x that moves the picture by a good part of the field, um. */
const measureWay = async (walk: Walk, reference: Frame): Promise<number> => {
  const side = Math.min(reference.width, reference.height);
  for (let wayUm = firstWayUm; wayUm <= longestWayUm; wayUm *= 2) {
    const shift = findShift(reference, await walk.lookAt({ x: wayUm, y: 0 }));
    if (typeof shift === "string") throw failed(whyLost[shift], { wayUm });
    if (lengthOf(shift) >= tellingShare * side) return (wayUm * wayShare * side) / lengthOf(shift);
  }
  throw failed(`The picture does not move while the stage goes ${longestWayUm} um: is this the right stage?`);
};

const sightingsOf = async (walk: Walk, reference: Frame, wayUm: number): Promise<readonly Sighting[]> => {
  const sightings: Sighting[] = [];
  const start = walk.at;
  for (const [across, down] of places) {
    const place = { x: across * wayUm, y: down * wayUm };
    const shift = registerPictures(reference, await walk.lookFrom(place, wayUm));
    if (shift !== undefined) sightings.push({ stageUm: walk.wayFrom(start), shiftPx: { x: shift.dx, y: shift.dy } });
  }
  if (sightings.length < 5)
    throw failed(
      `Only ${sightings.length} of ${places.length} pictures could be registered. Move to a place with more cells.`,
    );
  return sightings;
};

const isLimit = (error: unknown): boolean => error instanceof CytoError && error.code === "STAGE_LIMIT";

/** Goes as far to the left of an axis as it may, at most so many steps. @returns how many */
const goBack = async (walk: Walk, along: (steps: number) => Place): Promise<number> => {
  for (let steps = longSteps; steps > 0; steps--) {
    try {
      // From further off, so that all that follows is rising.
      await walk.goTo(along(-steps - 0.5));
      return steps;
    } catch (error) {
      if (!isLimit(error)) throw error;
    }
  }
  return 0;
};

/**
 * A walk from one side of the middle to the other, each picture registered with the one before: what a pair is off by is small against the
 * whole way. Shorter where the limits, or a place without cells, end it.
 */
const longSighting = async (walk: Walk, along: (steps: number) => Place): Promise<Sighting | undefined> => {
  const back = await goBack(walk, along);
  if (back === 0) return undefined;
  let before = await walk.lookAt(along(-back));
  const start = walk.at;
  let stageUm = walk.wayFrom(start);
  const shiftPx = { x: 0, y: 0 };
  let walked = 0;
  try {
    for (let step = -back + 1; step <= longSteps; step++) {
      const next = await walk.lookAt(along(step));
      const shift = registerPictures(before, next);
      if (shift === undefined) break;
      shiftPx.x += shift.dx;
      shiftPx.y += shift.dy;
      stageUm = walk.wayFrom(start);
      walked++;
      before = next;
    }
  } catch (error) {
    if (!isLimit(error)) throw error;
  }
  return walked === 0 ? undefined : { stageUm, shiftPx };
};

const longSightings = async (walk: Walk, { width, height }: Frame, umPerPixel: number): Promise<Sighting[]> => {
  const [across, down] = [longStepShare * width * umPerPixel, longStepShare * height * umPerPixel];
  // Whichever way the camera is turned, the shorter step of the two leaves overlap enough.
  const step = Math.min(across, down);
  const alongX = await longSighting(walk, (steps) => ({ x: steps * step, y: 0 }));
  const alongY = await longSighting(walk, (steps) => ({ x: 0, y: steps * step }));
  return [alongX, alongY].filter((sighting) => sighting !== undefined);
};

/** What is missing of the place when it is come to from the other side. */
const measurePlay = async (
  walk: Walk,
  reference: Frame,
  { wayUm, umPerPixel }: { readonly wayUm: number; readonly umPerPixel: number },
): Promise<{ x: number; y: number }> => {
  const play = async (away: Place): Promise<number> => {
    await walk.goTo(away);
    const shift = registerPictures(reference, await walk.lookAt({ x: 0, y: 0 }));
    return shift === undefined ? Number.NaN : lengthOf(shift) * umPerPixel;
  };
  const x = await play({ x: wayUm, y: 0 });
  await walk.lookFrom({ x: 0, y: 0 }, wayUm);
  return { x, y: await play({ x: 0, y: wayUm }) };
};

/** @throws CytoError CALIBRATION_FAILED */
const checkFit = (solution: Solution, wayUm: number): void => {
  const tolerancePx = Math.max(leastTolerancePx, (toleranceShare * wayUm) / solution.umPerPixel);
  if (solution.residualPx <= tolerancePx) return;
  throw failed(
    `The pictures' shifts do not fit any scale and rotation: ${solution.residualPx.toFixed(1)} px are left. Is the stage's play larger than a step, or does the light change?`,
    { ...solution, tolerancePx },
  );
};

/**
 * Finds how camera and stage belong together: moves a known way, registers the pictures, solves scale, rotation and handedness, and goes
 * back to where it was. About fifty pictures.
 * @throws CytoError CALIBRATION_FAILED with the reason; the stage's and the camera's codes
 */
export const calibrateOptics = async (options: CalibrateOptions): Promise<CalibrationResult> => {
  const { stage, objective, clock } = options;
  const home = stage.status.positionUm;
  if (home === undefined) throw new CytoError("STAGE_UNREFERENCED", "the stage has not told where it is");
  const walk = new Walk(options, home);
  const wayUm = await measureWay(walk, await walk.lookFrom({ x: 0, y: 0 }, firstWayUm));
  const reference = await walk.lookFrom({ x: 0, y: 0 }, wayUm);
  const sightings = await sightingsOf(walk, reference, wayUm);
  const near = solveOptics(sightings);
  checkFit(near, wayUm);
  const solution = {
    ...solveOptics([...sightings, ...(await longSightings(walk, reference, near.umPerPixel))]),
    residualPx: near.residualPx,
  };
  await walk.lookFrom({ x: 0, y: 0 }, wayUm);
  const playUm = await measurePlay(walk, reference, { wayUm, umPerPixel: solution.umPerPixel });
  await walk.lookFrom({ x: 0, y: 0 }, wayUm);
  const { width: fieldWidthPx, height: fieldHeightPx } = reference;
  const calibration = { ...solution, objective, fieldWidthPx, fieldHeightPx, atMs: clock.now() };
  return { calibration, playUm, steps: walk.steps };
};

/** Scales that differ by less are of one objective. */
const sameScale = 0.04;

/**
 * Looks whether the objective is still the calibrated one: a short way, and by how much the picture moves.
 * @throws CytoError OBJECTIVE_CHANGED; CALIBRATION_FAILED where the pictures do not tell; the stage's and the camera's codes
 */
export const verifyObjective = async (
  calibration: OpticsCalibration,
  options: Pick<CalibrateOptions, "stage" | "frames" | "signal">,
): Promise<void> => {
  const { stage, frames, signal } = options;
  const home = stage.status.positionUm;
  if (home === undefined) throw new CytoError("STAGE_UNREFERENCED", "the stage has not told where it is");
  const { umPerPixel, fieldWidthPx, fieldHeightPx } = calibration;
  const wayUm = wayShare * umPerPixel * Math.min(fieldWidthPx, fieldHeightPx);
  await stage.moveTo({ x: home.x - wayUm }, signal);
  await stage.moveTo({ x: home.x }, signal);
  const before = await frames.take(signal);
  await stage.moveTo({ x: home.x + wayUm }, signal);
  const after = await frames.take(signal);
  await stage.moveTo({ x: home.x - wayUm }, signal);
  await stage.moveTo({ x: home.x }, signal);
  if (before.width !== fieldWidthPx || before.height !== fieldHeightPx)
    throw new CytoError(
      "OBJECTIVE_CHANGED",
      `fields were ${fieldWidthPx} x ${fieldHeightPx} px when it was calibrated`,
    );
  const shift = registerPictures(before, after);
  if (shift === undefined) throw failed("The pictures do not tell by how much they move.");
  const [a, , c] = calibration.toSlide;
  const expectedPx = (wayUm * Math.hypot(a, c)) / umPerPixel;
  if (Math.abs(lengthOf(shift) / expectedPx - 1) > sameScale)
    throw new CytoError(
      "OBJECTIVE_CHANGED",
      `a way of ${wayUm.toFixed(0)} um moved the picture by ${lengthOf(shift).toFixed(0)} px, not by ${expectedPx.toFixed(0)}`,
      { context: { umPerPixel, expectedPx, shiftPx: lengthOf(shift) } },
    );
};
