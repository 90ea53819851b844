import type { StageTruth } from "../../../drivers/conformance/index.js";
import type { Motors } from "./emulators/motors.js";

/** Where an emulated table truly is, um, in the directions of the stage's axes. */
export const truthOf = (
  motors: Motors,
  umPerStep: { readonly x: number; readonly y: number; readonly z: number },
): StageTruth => ({
  begun: () => motors.moves.length,
  placeUm: () => ({
    x: motors.place("x") * umPerStep.x,
    y: motors.place("y") * umPerStep.y,
    z: motors.place("z") * umPerStep.z,
  }),
});
