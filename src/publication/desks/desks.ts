import type { LabelDesk, LabelReceipt } from "../../labels/index.js";
import type { ModelDesk } from "../../registry/index.js";
import type { ScanDesk } from "../../scan/index.js";
import type { JobDesk } from "../../training/jobs/index.js";

/** A field on the screen that somebody wants to keep for review. */
export interface KeepRequest {
  /** The client's own id of this wish: asked again, it keeps nothing twice. */
  readonly id: string;
  /** Number of a frame shown lately; undefined for the newest. */
  readonly frame: number | undefined;
  readonly author: string | undefined;
}

/** What clients can ask of the daemon beside the live results. What is absent is not offered: 404, and no topic. */
export interface Desks {
  readonly labels?: LabelDesk | undefined;
  readonly jobs?: JobDesk | undefined;
  readonly models?: ModelDesk | undefined;
  readonly scans?: ScanDesk | undefined;
  /**
   * Keeps the picture of a live field with its proposed cells.
   * @throws CytoError NOT_READY before the first field, NOT_FOUND where that frame is no longer to be had, and those of `submit`
   */
  readonly keep?: ((request: KeepRequest) => Promise<LabelReceipt>) | undefined;
}
