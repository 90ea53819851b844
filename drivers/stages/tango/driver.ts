import { CytoError } from "../../../src/core/index.js";
import type { StageAxis, StageDriver, StageOpenRequest, StagePositionUm, StageTargetUm } from "../../contract.js";
import { type AxisMap, toSteps, toUm } from "../axes.js";
import type { Link } from "../link.js";
import { openSerialStage } from "../openSerialStage.js";
import type { Controller } from "../polledStage.js";
import { manifest, type TangoOptions } from "./manifest.js";
import * as protocol from "./protocol.js";

/** The controller counts in um. */
const um = { x: 1, y: 1, z: 1 };

/** Instructions are not answered: what became of one is asked afterwards. */
async function instruct(link: Link, instructions: string, { moves = false } = {}): Promise<void> {
  const text = protocol.clearErrors + instructions;
  await (moves ? link.tellToSetOut(text) : link.tell(text));
  await link.ask(protocol.askError);
}

function controller(link: Link, identity: string, options: TangoOptions, referenced: boolean): Controller {
  const map: AxisMap = { ...options, umPerStep: um };
  const axes: readonly StageAxis[] = options.z ? ["x", "y", "z"] : ["x", "y"];
  const position = async (): Promise<StagePositionUm> => {
    const { x, y, z } = toUm(await link.ask(protocol.askPosition(axes)), map);
    return options.z ? { x: x!, y: y!, z: z! } : { x: x!, y: y! };
  };
  const places = (target: StageTargetUm | StagePositionUm) => {
    const { z, ...others } = toSteps(target, map);
    return options.z && z !== undefined ? { ...others, z } : others;
  };
  return {
    identity,
    axes,
    referenced,
    toleranceUm: 1,
    position,
    moving: () => link.ask(protocol.askMoving),
    start: (target: StageTargetUm) => instruct(link, protocol.move(places(target)), { moves: true }),
    halt: () => link.tellNow(protocol.abort),
    declare: (target) => instruct(link, protocol.declare(places(target))),
    ...(options.homing
      ? {
          homing: {
            begin: () => instruct(link, protocol.calibrate(["x", "y"]), { moves: true }),
            end: async () => {
              if (await link.ask(protocol.askCalibrated(["x", "y"]))) return;
              throw new CytoError("STAGE_REFUSED", "The controller did not find its switches.", {
                context: { source: link.source },
              });
            },
          },
        }
      : {}),
  };
}

const open = (request: StageOpenRequest<TangoOptions>) => {
  const { options } = request;
  let identity = "";
  return openSerialStage(request, {
    title: manifest.title,
    port: { baudRate: options.baudRate, framing: { end: "\r" }, replyTimeoutMs: options.replyTimeoutMs },
    identify: async (link) => {
      // The end of a line first: half a line of someone before may still be there.
      await link.tell("\r");
      identity = await link.ask(protocol.askVersion, 2);
    },
    setUp: async (link) => {
      await link.tell(protocol.quiet);
      const axes: readonly StageAxis[] = options.z ? ["x", "y", "z"] : ["x", "y"];
      const count = await link.ask(protocol.askAxisCount);
      if (count < axes.length)
        throw new CytoError("STAGE_UNSUPPORTED", `${identity} has ${count} axes.`, {
          remedy: count === 2 ? "Set the option z to false." : "Connect the stage and switch the controller on again.",
          context: { axes: count },
        });
      const { speedMmPerS } = options;
      if (speedMmPerS !== undefined) await instruct(link, protocol.setSpeed(["x", "y"], speedMmPerS));
      await instruct(link, protocol.micrometres(axes));
      const calibrated = await link.ask(protocol.askCalibrated(["x", "y"]));
      return controller(link, identity, options, calibrated);
    },
  });
};

/** Stages on a Tango. */
export const driver: StageDriver<TangoOptions> = { manifest, open };
