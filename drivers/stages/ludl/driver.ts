import { CytoError } from "../../../src/core/index.js";
import type { StageAxis, StageDriver, StageOpenRequest, StagePositionUm, StageTargetUm } from "../../contract.js";
import { toSteps, toUm } from "../axes.js";
import type { Link } from "../link.js";
import { openSerialStage } from "../openSerialStage.js";
import type { Controller } from "../polledStage.js";
import { type LudlOptions, manifest } from "./manifest.js";
import * as protocol from "./protocol.js";

function controller(link: Link, identity: string, options: LudlOptions, letters: protocol.LudlLetters): Controller {
  const axes: readonly StageAxis[] = options.z ? ["x", "y", "z"] : ["x", "y"];
  const position = async (): Promise<StagePositionUm> => {
    const { x, y, z } = toUm(await link.ask(protocol.askPosition(letters)), options);
    return options.z ? { x: x!, y: y!, z: z! } : { x: x!, y: y! };
  };
  const declare = async (target: StagePositionUm): Promise<void> => {
    const places = options.z ? target : { x: target.x, y: target.y };
    await link.exchange(protocol.declare(letters, toSteps(places, options)));
  };
  return {
    identity,
    axes,
    // Nothing that it says tells whether it was switched off since.
    referenced: false,
    toleranceUm: 1 + Math.max(...axes.map((axis) => options.umPerStep[axis])),
    position,
    moving: async () => {
      for (const letter of Object.values(letters)) if (await link.ask(protocol.askMoving(letter))) return true;
      return false;
    },
    start: async (target: StageTargetUm) => void (await link.setOut(protocol.move(letters, toSteps(target, options)))),
    halt: async () => void (await link.urgent(protocol.halt)),
    declare,
    ...(options.homing
      ? {
          homing: {
            // Some answer when it begins, some when it is there.
            begin: () => link.tellToSetOut(protocol.home(letters, ["x", "y"]).text),
            end: () => declare({ x: 0, y: 0 }),
          },
        }
      : {}),
  };
}

async function setSpeed(link: Link, letters: protocol.LudlLetters, options: LudlOptions): Promise<void> {
  if (options.speedMmPerS === undefined) return;
  const stepsPerS = (axis: "x" | "y") => (options.speedMmPerS! * 1000) / options.umPerStep[axis];
  await link.exchange(protocol.setSpeed(letters, { x: stepsPerS("x"), y: stepsPerS("y") }));
}

const open = (request: StageOpenRequest<LudlOptions>) => {
  const { options } = request;
  const { x, y, z } = options.letters;
  const letters: protocol.LudlLetters = options.z ? { x, y, z } : { x, y };
  let found: protocol.LudlIdentity | undefined;
  return openSerialStage(request, {
    title: manifest.title,
    port: {
      baudRate: options.baudRate,
      stopBits: options.stopBits,
      framing: { end: "\n", single: "BN" },
      replyTimeoutMs: options.replyTimeoutMs,
    },
    identify: async (link) => {
      await link.tell(protocol.highLevel);
      found = await link.ask(protocol.askModules, 2);
    },
    setUp: async (link) => {
      const missing = Object.values(letters).filter((letter) => !found?.letters.includes(letter));
      if (missing.length > 0)
        throw new CytoError("STAGE_UNSUPPORTED", `The controller has no axis ${missing.join(", ")}.`, {
          remedy: `Its axes are ${found?.letters.join(", ")}: set the options letters and z.`,
          context: { letters: found?.letters },
        });
      await setSpeed(link, letters, options);
      // Controllers without the command are none the worse.
      const version = await link.ask(protocol.askVersion).catch(() => "");
      return controller(link, `${found?.text} ${version}`.trim(), options, letters);
    },
  });
};

/** Stages on Ludl's controllers. */
export const driver: StageDriver<LudlOptions> = { manifest, open };
