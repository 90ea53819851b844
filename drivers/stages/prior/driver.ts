import { CytoError } from "../../../src/core/index.js";
import type { StageAxis, StageDriver, StageOpenRequest, StagePositionUm, StageTargetUm } from "../../contract.js";
import { type AxisMap, toSteps, toUm } from "../axes.js";
import type { Link } from "../link.js";
import { openSerialStage } from "../openSerialStage.js";
import type { Controller } from "../polledStage.js";
import { manifest, type PriorOptions } from "./manifest.js";
import * as protocol from "./protocol.js";

const rounded = (steps: Partial<Record<StageAxis, number>>): Partial<Record<StageAxis, number>> =>
  Object.fromEntries(Object.entries(steps).map(([axis, value]) => [axis, Math.round(value)]));

function controller(link: Link, identity: string, options: PriorOptions, umPerStep: AxisMap["umPerStep"]): Controller {
  const map: AxisMap = { ...options, umPerStep };
  const axes: readonly StageAxis[] = options.z ? ["x", "y", "z"] : ["x", "y"];
  const position = async (): Promise<StagePositionUm> => {
    const { x, y, z } = toUm(await link.ask(protocol.askPosition), map);
    return options.z ? { x: x!, y: y!, z: z! } : { x: x!, y: y! };
  };
  const declare = async (um: StagePositionUm): Promise<void> => {
    const steps = rounded(toSteps(um, map));
    await link.exchange(protocol.declareStage(steps.x!, steps.y!));
    if (options.z && steps.z !== undefined) await link.exchange(protocol.declareFocus(steps.z));
  };
  return {
    identity,
    axes,
    // Nothing that it says tells whether it was switched off since.
    referenced: false,
    toleranceUm: 1 + Math.max(...axes.map((axis) => Math.abs(umPerStep[axis]))),
    position,
    moving: () => link.ask(protocol.askMoving),
    start: async (target: StageTargetUm) => {
      const here = await link.askSurely(protocol.askPosition);
      await link.setOut(protocol.move(rounded(toSteps(target, map)), here));
    },
    halt: async () => void (await link.urgent(protocol.halt)),
    declare,
    ...(options.homing
      ? {
          homing: {
            // Some answer when it begins, some when it is there.
            begin: () => link.tellToSetOut(protocol.initialiseStage.text),
            end: async () => {
              const { x, y } = await link.ask(protocol.askPosition);
              if (Math.abs(x) <= 2 && Math.abs(y) <= 2) return;
              throw new CytoError("STAGE_REFUSED", "The controller did not find its switches.", {
                context: { source: link.source, x, y },
              });
            },
          },
        }
      : {}),
  };
}

async function stepSize(link: Link, axis: "s" | "Z", given: number | undefined): Promise<number> {
  if (given !== undefined) return given;
  const told = await link.ask(protocol.askResolution(axis));
  if (told !== 0) return told;
  throw new CytoError("STAGE_UNSUPPORTED", `The controller does not tell the size of its steps (RES,${axis}).`, {
    remedy: "Give it by the option umPerStep.",
  });
}

const open = (request: StageOpenRequest<PriorOptions>) => {
  const { options } = request;
  let found: protocol.PriorIdentity | undefined;
  return openSerialStage(request, {
    title: manifest.title,
    port: { baudRate: options.baudRate, framing: { end: "\r" }, replyTimeoutMs: options.replyTimeoutMs },
    identify: async (link) => {
      found = await link.ask(protocol.askIdentity, 2);
    },
    setUp: async (link) => {
      const identity = found?.text.replace(/ INFORMATION$/i, "") ?? manifest.title;
      if (!found?.hasStage || (options.z && !found.hasFocus))
        throw new CytoError("STAGE_UNSUPPORTED", `${identity} has no ${found?.hasStage ? "focus drive" : "stage"}.`, {
          remedy: found?.hasStage
            ? "Set the option z to false."
            : "Connect the stage and switch the controller on again.",
        });
      await link.exchange(protocol.setStandardMode);
      const { speedPercent, umPerStep } = options;
      if (speedPercent.xy !== undefined) await link.exchange(protocol.setSpeed("SMS", speedPercent.xy));
      if (speedPercent.z !== undefined) await link.exchange(protocol.setSpeed("SMZ", speedPercent.z));
      const xy = await stepSize(link, "s", umPerStep.xy);
      const z = options.z ? await stepSize(link, "Z", umPerStep.z) : 1;
      return controller(link, `Prior ${identity}`, options, { x: xy, y: xy, z });
    },
  });
};

/** Stages on a Prior ProScan. */
export const driver: StageDriver<PriorOptions> = { manifest, open };
