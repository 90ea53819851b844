import { CytoError } from "../../../src/core/index.js";
import type { StageAxis, StageDriver, StageOpenRequest, StagePositionUm, StageTargetUm } from "../../contract.js";
import { type AxisMap, toSteps, toUm } from "../axes.js";
import type { Link } from "../link.js";
import { openSerialStage } from "../openSerialStage.js";
import type { Controller } from "../polledStage.js";
import { type AsiOptions, manifest } from "./manifest.js";
import * as protocol from "./protocol.js";

/** The controller counts in um (tenths of it, with fractions): a step is 1 um here. */
const um = { x: 1, y: 1, z: 1 };

function controller(link: Link, identity: string, options: AsiOptions, letters: protocol.AsiLetters): Controller {
  const map: AxisMap = { ...options, umPerStep: um };
  const axes: readonly StageAxis[] = options.z ? ["x", "y", "z"] : ["x", "y"];
  const position = async (): Promise<StagePositionUm> => {
    const { x, y, z } = toUm(await link.ask(protocol.askPosition(letters)), map);
    return options.z ? { x: x!, y: y!, z: z! } : { x: x!, y: y! };
  };
  const declare = async (target: StagePositionUm): Promise<void> => {
    const places = options.z ? target : { x: target.x, y: target.y };
    await link.exchange(protocol.declare(letters, toSteps(places, map)));
  };
  return {
    identity,
    axes,
    // It keeps its counters beyond a power cycle, and nothing tells whether the stage was moved by hand since.
    referenced: false,
    toleranceUm: 1,
    position,
    moving: () => link.ask(protocol.askMoving),
    start: async (target: StageTargetUm) => void (await link.setOut(protocol.move(letters, toSteps(target, map)))),
    halt: async () => void (await link.urgent(protocol.halt)),
    declare,
    ...(options.homing
      ? {
          homing: {
            begin: async () => void (await link.setOut(protocol.home(letters, ["x", "y"]))),
            end: () => declare({ x: 0, y: 0 }),
          },
        }
      : {}),
  };
}

const open = (request: StageOpenRequest<AsiOptions>) => {
  const { options } = request;
  const { x, y, z } = options.letters;
  const letters: protocol.AsiLetters = options.z ? { x, y, z } : { x, y };
  let found: protocol.AsiIdentity | undefined;
  return openSerialStage(request, {
    title: manifest.title,
    port: { baudRate: options.baudRate, framing: { end: "\r\n" }, replyTimeoutMs: options.replyTimeoutMs },
    identify: async (link) => {
      found = await link.ask(protocol.askBuild, 2);
    },
    setUp: async (link) => {
      const missing = Object.values(letters).filter((letter) => !found?.letters.includes(letter));
      if (missing.length > 0)
        throw new CytoError("STAGE_UNSUPPORTED", `${found?.text} has no axis ${missing.join(", ")}.`, {
          remedy: `Its axes are ${found?.letters.join(", ")}: set the options letters and z.`,
          context: { letters: found?.letters },
        });
      if (options.speedMmPerS !== undefined)
        await link.exchange(protocol.setSpeed(letters, ["x", "y"], options.speedMmPerS));
      // Controllers without the command are none the worse.
      const version = await link.ask(protocol.askVersion).catch(() => "");
      return controller(link, `${found?.text} ${version}`.trim(), options, letters);
    },
  });
};

/** Stages on ASI's controllers. */
export const driver: StageDriver<AsiOptions> = { manifest, open };
