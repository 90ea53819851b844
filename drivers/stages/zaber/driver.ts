import { CytoError } from "../../../src/core/index.js";
import type { StageAxis, StageDriver, StageOpenRequest, StagePositionUm, StageTargetUm } from "../../contract.js";
import { type AxisMap, controllerAxes, toSteps, toUm } from "../axes.js";
import type { Link } from "../link.js";
import { openSerialStage } from "../openSerialStage.js";
import type { Controller } from "../polledStage.js";
import { manifest, type ZaberOptions } from "./manifest.js";
import * as protocol from "./protocol.js";

type Limits = Partial<Record<StageAxis, { readonly min: number; readonly max: number }>>;

class ZaberController implements Controller {
  readonly toleranceUm: number;
  readonly homing: Controller["homing"];
  readonly axes: readonly StageAxis[];
  readonly #map: AxisMap;
  /** Travel of axes that have a reference, microsteps: what lies outside would be rejected when others have set out. */
  #limits: Limits = {};

  constructor(
    readonly identity: string,
    readonly link: Link,
    readonly options: ZaberOptions,
    readonly referenced: boolean,
  ) {
    const { axes } = options;
    this.axes = axes.z ? ["x", "y", "z"] : ["x", "y"];
    this.#map = {
      ...options,
      umPerStep: { x: axes.x.umPerMicrostep, y: axes.y.umPerMicrostep, z: axes.z?.umPerMicrostep ?? 1 },
    };
    this.toleranceUm = 1 + Math.max(...this.axes.map((axis) => this.#map.umPerStep[axis]));
    this.homing = options.homing ? { begin: () => this.#beginHoming(), end: () => this.#endHoming() } : undefined;
  }

  async position(): Promise<StagePositionUm> {
    const steps: Partial<Record<StageAxis, number>> = {};
    for (const axis of this.axes) steps[axis] = await this.link.ask(protocol.askPosition(this.#place(axis)));
    const { x, y, z } = toUm(steps, this.#map);
    return z === undefined ? { x: x!, y: y! } : { x: x!, y: y!, z };
  }

  async moving(): Promise<boolean> {
    let moves = false;
    for (const axis of this.axes) {
      const { busy, warning } = await this.link.ask(protocol.askState(this.#place(axis)));
      checkFault(warning, axis);
      moves ||= busy;
    }
    return moves;
  }

  async start(target: StageTargetUm): Promise<void> {
    const steps = Object.entries(toSteps(target, this.#map)) as [StageAxis, number][];
    for (const [axis, value] of steps) {
      const range = this.#limits[axis];
      if (range && (Math.round(value) < range.min || Math.round(value) > range.max))
        throw new CytoError("STAGE_LIMIT", `The target lies outside of the travel of the device's axis ${axis}.`, {
          context: { axis, microsteps: Math.round(value), range },
        });
    }
    for (const [axis, value] of steps) await this.link.setOut(protocol.move(this.#place(axis), value));
  }

  halt(): Promise<void> {
    return this.link.tellNow(protocol.haltAll);
  }

  async declare(position: StagePositionUm): Promise<void> {
    const steps = Object.entries(toSteps(position, this.#map)) as [StageAxis, number][];
    for (const [axis, value] of steps)
      if (this.axes.includes(axis)) await this.link.exchange(protocol.declare(this.#place(axis), value));
    await this.readLimits();
  }

  async readLimits(): Promise<void> {
    for (const axis of this.axes) {
      const place = this.#place(axis);
      const { warning } = await this.link.ask(protocol.askState(place));
      if (protocol.isUnreferenced(warning)) continue;
      const min = await this.link.ask(protocol.askLimit(place, "min"));
      const max = await this.link.ask(protocol.askLimit(place, "max"));
      this.#limits = { ...this.#limits, [axis]: { min, max } };
    }
  }

  #place(axis: StageAxis): protocol.ZaberAxis {
    const place = this.options.axes[axis];
    if (!place) throw new CytoError("STAGE_UNSUPPORTED", `The stage has no axis ${axis}.`, { context: { axis } });
    return place;
  }

  async #beginHoming(): Promise<void> {
    for (const axis of controllerAxes(["x", "y"], this.#map)) await this.link.setOut(protocol.home(this.#place(axis)));
  }

  async #endHoming(): Promise<void> {
    for (const axis of ["x", "y"] as const) {
      const { warning } = await this.link.ask(protocol.askState(this.#place(axis)));
      if (protocol.isUnreferenced(warning))
        throw new CytoError("STAGE_REFUSED", `The device did not find the reference of axis ${axis} (${warning}).`, {
          context: { axis, warning },
        });
    }
    await this.readLimits();
  }
}

function checkFault(warning: string, axis: StageAxis): void {
  if (protocol.isFault(warning))
    throw new CytoError("STAGE_ALARM", `The device of axis ${axis} reports ${protocol.warningText(warning)}.`, {
      context: { axis, warning },
    });
}

async function setUp(link: Link, options: ZaberOptions, identity: string): Promise<Controller> {
  const places = Object.entries(options.axes).filter(([, place]) => place !== undefined) as [
    StageAxis,
    NonNullable<ZaberOptions["axes"]["z"]>,
  ][];
  let referenced = true;
  for (const [axis, place] of places) {
    const { warning } = await link.ask(protocol.askState(place));
    checkFault(warning, axis);
    if (axis !== "z" && protocol.isUnreferenced(warning)) referenced = false;
    if (axis !== "z" && options.speedMmPerS !== undefined)
      await link.exchange(protocol.setSpeed(place, (options.speedMmPerS * 1000) / place.umPerMicrostep));
  }
  const controller = new ZaberController(identity, link, options, referenced);
  await controller.readLimits();
  return controller;
}

const open = (request: StageOpenRequest<ZaberOptions>) => {
  const { options } = request;
  const { x, y, z } = options.axes;
  let identity = "";
  return openSerialStage(request, {
    title: "Zaber device in the ASCII protocol",
    port: { baudRate: options.baudRate, framing: { end: "\r\n" }, replyTimeoutMs: options.replyTimeoutMs },
    identify: async (link) => {
      const versions: string[] = [];
      for (const device of new Set([x.device, y.device, z?.device ?? x.device]))
        versions.push(`${device}: ${await link.ask(protocol.askVersion(device), 2)}`);
      identity = `Zaber, firmware of device ${versions.join(", ")}`;
    },
    setUp: (link) => setUp(link, options, identity),
  });
};

/** Stages of Zaber. */
export const driver: StageDriver<ZaberOptions> = { manifest, open };
