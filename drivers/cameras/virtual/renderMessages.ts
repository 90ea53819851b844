import { z } from "zod";
import { type ErrorCode, errorTable } from "../../../src/core/index.js";
import type { StagePosition } from "./slide.js";

/** What the thread that paints is given when it starts: `workerData`. */
export interface RendererSetup {
  readonly slide: unknown;
  readonly optics: unknown;
  readonly painting?: unknown;
  /** Of its NativeCalls. */
  readonly calls: SharedArrayBuffer;
}

/** The painter of a slide and where the scan begins, as the painting thread reads it. */
export const slidePaintingSchema = z.strictObject({
  /** Folder of the painter's model. */
  directory: z.string(),
  /** Left top corner of the first field of the scan, um. */
  firstUm: z.strictObject({ x: z.number(), y: z.number() }),
});
export type SlidePainting = z.output<typeof slidePaintingSchema>;

/** A field to be painted; or one that is no longer wanted; or the end. */
export type RenderRequest =
  | {
      readonly type: "render";
      readonly id: number;
      readonly position: StagePosition;
      /** Number of the exposure. */
      readonly exposure: number;
    }
  | { readonly type: "drop"; readonly id: number }
  | { readonly type: "close" };

/** A request as the painting thread reads it. */
export const renderRequestSchema: z.ZodType<RenderRequest> = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("render"),
    id: z.number(),
    position: z.strictObject({ x: z.number(), y: z.number(), z: z.number() }),
    exposure: z.number(),
  }),
  z.strictObject({ type: z.literal("drop"), id: z.number() }),
  z.strictObject({ type: z.literal("close") }),
]);

const place = z.strictObject({ x: z.number(), y: z.number() });
const failure = {
  code: z.custom<ErrorCode>((value) => typeof value === "string" && value in errorTable),
  message: z.string(),
};

/** What the painting thread answers; `pixels` is transferred. */
export const renderReplySchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("ready") }),
  /** The thread ends: it could not begin. */
  z.strictObject({ type: z.literal("unable"), ...failure }),
  z.strictObject({
    type: z.literal("field"),
    id: z.number(),
    field: z.strictObject({
      pixels: z.custom<Uint8Array<ArrayBuffer>>((value) => value instanceof Uint8Array),
      width: z.number(),
      height: z.number(),
      positionUm: place,
      defocusUm: z.number(),
    }),
    /** Longest time that one of the last tiles took to be painted, ms; 0 where none was. */
    tileMs: z.number(),
  }),
  z.strictObject({ type: z.literal("failed"), id: z.number(), ...failure }),
]);
export type RenderReply = z.output<typeof renderReplySchema>;
