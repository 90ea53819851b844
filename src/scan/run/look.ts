import { setTimeout as wait } from "node:timers/promises";
import { QualityMeter } from "../../acquisition/index.js";
import { CytoError, type Frame } from "../../core/index.js";
import type { PointUm } from "../../counting/index.js";
import type { ScanHeader } from "../record/index.js";
import { type SlideMapping, slideMapping } from "./mapping.js";
import type { ScanPorts } from "./ports.js";

/** A picture of a place of the slide. */
export interface TakenFrame {
  readonly frame: Frame;
  readonly stageUm: { readonly x: number; readonly y: number; readonly z?: number | undefined };
  readonly refocused: boolean;
}

/** Goes to places of the slide and takes a picture of each: one at a time. */
export class Look {
  readonly #ports: ScanPorts;
  readonly #header: ScanHeader;
  readonly #mapping: SlideMapping;
  readonly #meter = new QualityMeter();

  constructor(ports: ScanPorts, header: ScanHeader) {
    this.#ports = ports;
    this.#header = header;
    this.#mapping = slideMapping(header.calibration);
  }

  /**
   * The field of a place, in focus.
   * @throws CytoError the stage's and the camera's codes, FOCUS_FAILED, SCAN_OTHER_SLIDE for a frame of another size
   */
  async at(placeUm: PointUm, signal: AbortSignal): Promise<TakenFrame> {
    const focus = this.#header.focus === "none" ? undefined : this.#ports.focus;
    const reached = await this.#moveTo({ ...this.#mapping.toStage(placeUm), z: focus?.predict(placeUm) }, signal);
    const focused = await focus?.atField(placeUm, signal);
    const stageUm = focused === undefined ? reached : { ...reached, z: focused.zUm };
    const frame = this.#placed(await this.#ports.frames.take(signal), reached);
    return { frame, stageUm, refocused: focused?.refocused ?? false };
  }

  /** The field where the stage stands; nothing moves. Undefined where the stage does not know where that is. */
  async standing(signal: AbortSignal): Promise<Frame | undefined> {
    const { positionUm } = this.#ports.stage.status;
    return positionUm === undefined ? undefined : this.#placed(await this.#ports.frames.take(signal), positionUm);
  }

  /** How sharp a field's picture is, before its pixels are handed on; the focus is told. */
  sharpnessOf(frame: Frame): number {
    const sharpness = this.#meter.measure(frame).focus;
    if (this.#header.focus !== "none") this.#ports.focus?.quality(frame, sharpness);
    return sharpness;
  }

  /** A place once more, as the stage stood there. @throws CytoError as `at`, but for FOCUS_FAILED */
  async again(stageUm: TakenFrame["stageUm"], signal: AbortSignal): Promise<Frame> {
    const reached = await this.#moveTo(stageUm, signal);
    return this.#placed(await this.#ports.frames.take(signal), reached);
  }

  async #moveTo({ x, y, z }: TakenFrame["stageUm"], signal: AbortSignal): Promise<TakenFrame["stageUm"]> {
    const reached = await this.#ports.stage.moveTo({ x, y, ...(z === undefined ? {} : { z }) }, signal);
    if (this.#ports.settleMs > 0) await wait(this.#ports.settleMs, undefined, { signal });
    return reached;
  }

  #placed(frame: Frame, reached: PointUm): Frame {
    const { fieldWidthPx, fieldHeightPx, umPerPixel } = this.#header.setup;
    if (frame.width !== fieldWidthPx || frame.height !== fieldHeightPx)
      throw new CytoError(
        "SCAN_OTHER_SLIDE",
        `the camera gives pictures of ${frame.width} x ${frame.height}; the scan was begun with ${fieldWidthPx} x ${fieldHeightPx}`,
        { remedy: "Set the camera as it was, or start another scan." },
      );
    return { ...frame, stagePositionUm: this.#mapping.toSlide(reached), umPerPixel };
  }
}
