import { z } from "zod";
import type { StagePosition } from "./slide.js";

/** What the thread that paints is given when it starts: `workerData`. */
export interface RendererSetup {
  readonly slide: unknown;
  readonly optics: unknown;
}

/** One field to be painted. */
export interface RenderRequest {
  readonly id: number;
  readonly position: StagePosition;
  readonly exposure: number;
}

const place = z.strictObject({ x: z.number(), y: z.number() });

/** What the painting thread answers; `pixels` is transferred. */
export const renderReplySchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("ready") }),
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
  }),
  z.strictObject({ type: z.literal("failed"), id: z.number(), message: z.string() }),
]);
export type RenderReply = z.output<typeof renderReplySchema>;

/** A request as the painting thread reads it. */
export const renderRequestSchema: z.ZodType<RenderRequest> = z.strictObject({
  id: z.number(),
  position: z.strictObject({ x: z.number(), y: z.number(), z: z.number() }),
  exposure: z.number(),
});
