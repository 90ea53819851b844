import { CytoError } from "../../../src/core/index.js";
import type { StageAxis, StageDriver, StageOpenRequest, StagePositionUm } from "../../contract.js";
import { type AxisMap, toSteps, toUm } from "../axes.js";
import { agreed, type Link } from "../link.js";
import { openSerialStage } from "../openSerialStage.js";
import type { Controller } from "../polledStage.js";
import { manifest, type SangaboardOptions } from "./manifest.js";
import * as protocol from "./protocol.js";

const axes = ["x", "y", "z"] as const;

/** The board knows no places but its counters: what is declared is kept here. */
class SangaboardController implements Controller {
  readonly axes = axes;
  /** The counters are kept beyond a power cycle, the motors' places are not. */
  readonly referenced = false;
  readonly toleranceUm: number;
  #offsetUm: Readonly<Record<StageAxis, number>> = { x: 0, y: 0, z: 0 };

  constructor(
    readonly identity: string,
    readonly link: Link,
    readonly map: AxisMap,
  ) {
    this.toleranceUm = 1.01 * Math.max(...axes.map((axis) => map.umPerStep[axis]));
  }

  async position(): Promise<StagePositionUm> {
    const counted = await agreed(() => this.#counted());
    return {
      x: counted.x + this.#offsetUm.x,
      y: counted.y + this.#offsetUm.y,
      z: counted.z + this.#offsetUm.z,
    };
  }

  moving(): Promise<boolean> {
    return this.link.ask(protocol.askMoving);
  }

  async start(target: Partial<Readonly<Record<StageAxis, number>>>): Promise<void> {
    const here = await this.link.askSurely(protocol.askPosition);
    const counted = Object.fromEntries(
      axes.flatMap((axis) => (target[axis] === undefined ? [] : [[axis, target[axis] - this.#offsetUm[axis]]])),
    );
    const steps = toSteps(counted, this.map);
    const way = axes.map((axis, index) => (steps[axis] === undefined ? 0 : Math.round(steps[axis]) - here[index]!));
    if (way.every((length) => length === 0)) return;
    await this.link.setOut(protocol.move([way[0]!, way[1]!, way[2]!]));
  }

  async halt(): Promise<void> {
    await this.link.urgent(protocol.halt);
  }

  async declare(position: StagePositionUm): Promise<void> {
    const counted = await agreed(() => this.#counted());
    this.#offsetUm = {
      x: position.x - counted.x,
      y: position.y - counted.y,
      z: position.z === undefined ? this.#offsetUm.z : position.z - counted.z,
    };
  }

  async #counted(): Promise<Record<StageAxis, number>> {
    const [x, y, z] = await this.link.ask(protocol.askPosition);
    const um = toUm({ x, y, z }, this.map);
    return { x: um.x ?? 0, y: um.y ?? 0, z: um.z ?? 0 };
  }
}

async function identify(link: Link): Promise<protocol.SangaboardVersion> {
  // A board with an own USB chip starts anew when its port is opened, which takes up to two seconds.
  const version = await link.ask(protocol.askVersion, 6);
  if (version.major >= 1) return version;
  throw new CytoError("STAGE_UNSUPPORTED", `${version.text} cannot be stopped on its way.`, {
    remedy: "Update the board to firmware 1.0 or later.",
    context: { firmware: version.text },
  });
}

const open = (request: StageOpenRequest<SangaboardOptions>) => {
  const { options } = request;
  let identity = "";
  return openSerialStage(request, {
    title: manifest.title,
    port: { baudRate: options.baudRate, framing: { end: "\r\n" }, replyTimeoutMs: options.replyTimeoutMs },
    identify: async (link) => {
      identity = (await identify(link)).text;
    },
    setUp: async (link) => {
      if (await link.ask(protocol.askBlocking)) await link.exchange(protocol.setNonBlocking);
      const delayUs = options.stepDelayUs;
      if (delayUs !== undefined && (await link.ask(protocol.askStepDelay)) !== delayUs)
        await link.exchange(protocol.setStepDelay(delayUs));
      return new SangaboardController(identity, link, options);
    },
  });
};

/** Stages on a Sangaboard. */
export const driver: StageDriver<SangaboardOptions> = { manifest, open };
