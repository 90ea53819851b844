import { z } from "zod";
import { type Journal, openJournal } from "../../store/index.js";
import type { OpticsCalibration } from "../ports.js";
import { type LightCorrection, lightSchema } from "./light.js";

const finite = z.number();
const calibrationSchema = z.strictObject({
  objective: z.string(),
  umPerPixel: z.number().positive(),
  toSlide: z.tuple([finite, finite, finite, finite]),
  rotationDegrees: finite,
  mirrored: z.boolean(),
  residualPx: finite,
  fieldWidthPx: z.int().positive(),
  fieldHeightPx: z.int().positive(),
  atMs: finite,
});

const entrySchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("optics"), calibration: calibrationSchema }),
  z.strictObject({ kind: z.literal("light"), objective: z.string(), atMs: finite, light: lightSchema }),
]);
type Entry = z.output<typeof entrySchema>;

/** Calibrations by objective; all are kept, the newest counts. */
export interface OpticsStore extends AsyncDisposable {
  calibration(objective: string): OpticsCalibration | undefined;
  light(objective: string): LightCorrection | undefined;
  /** @throws CytoError STORE_FULL, STORE_FAILED */
  keepCalibration(calibration: OpticsCalibration): Promise<void>;
  /** @throws CytoError STORE_FULL, STORE_FAILED */
  keepLight(objective: string, light: LightCorrection, atMs: number): Promise<void>;
}

class JournalledOptics implements OpticsStore {
  constructor(readonly journal: Journal<Entry>) {}

  calibration(objective: string): OpticsCalibration | undefined {
    const newest = this.journal.entries.findLast(
      (entry) => entry.kind === "optics" && entry.calibration.objective === objective,
    );
    return newest?.kind === "optics" ? newest.calibration : undefined;
  }

  light(objective: string): LightCorrection | undefined {
    const newest = this.journal.entries.findLast((entry) => entry.kind === "light" && entry.objective === objective);
    return newest?.kind === "light" ? newest.light : undefined;
  }

  keepCalibration(calibration: OpticsCalibration): Promise<void> {
    return this.journal.append({ kind: "optics", calibration: { ...calibration, toSlide: [...calibration.toSlide] } });
  }

  keepLight(objective: string, light: LightCorrection, atMs: number): Promise<void> {
    return this.journal.append({ kind: "light", objective, atMs, light });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.journal[Symbol.asyncDispose]();
  }
}

/** @throws CytoError STORE_DAMAGED, STORE_FAILED */
export const openOpticsStore = async (path: string): Promise<OpticsStore> =>
  new JournalledOptics(await openJournal(path, (value) => entrySchema.parse(value)));
