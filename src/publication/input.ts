import type { z } from "zod";
import type { Cell, DensityClass, Frame } from "../core/index.js";
import type { Counts } from "../counting/index.js";
import type { alertsMessageSchema, statusMessageSchema } from "./protocol/serverMessages.js";

/** What the composition root publishes. Sequence, time and encoding are added here. */

type WithoutEnvelope<Message> = Omit<Message, "sequence" | "publishedAtMs">;

export interface CountsInput {
  readonly type: "counts";
  readonly counts: Counts;
  /** The camera delivers no new fields. While the status says so, counts are marked without it, too. */
  readonly stale: boolean;
}

export type StatusInput = Readonly<WithoutEnvelope<z.input<typeof statusMessageSchema>>>;

/** All alarms, raised or not: whoever comes later is told the newest. */
export type AlertsInput = Readonly<WithoutEnvelope<z.input<typeof alertsMessageSchema>>>;

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Where and how large the field is, where that is better known than the frame itself says. */
export interface FieldPlacement {
  /** From the detector; the frame's own by default. */
  readonly umPerPixel?: number;
  /** Centre of the field on the slide, from the stage or by registration; the frame's own by default. */
  readonly positionUm?: Point;
}

/** A cell, and where it lies on the slide if that is known. */
export type PublishedCell = Cell & { readonly positionUm?: Point };

/** A frame without its pixels. */
export type FrameFacts = Omit<Frame, "pixels">;

interface PublishedModel {
  readonly name: string;
  readonly version: string;
}

export interface CellsInput {
  readonly type: "cells";
  readonly frame: FrameFacts;
  readonly placement?: FieldPlacement;
  readonly models: { readonly detector: PublishedModel; readonly classifier?: PublishedModel };
  readonly provider: string;
  readonly cells: readonly PublishedCell[];
}

/** Density over the field, as the detector gives it. */
export interface PublishedDensity {
  readonly classes: readonly DensityClass[];
  readonly width: number;
  readonly height: number;
  readonly framePixelsPerMapPixel: number;
  /** Planes of width * height, values in [0, 1], one after the other in the order of `classes` (at most three). */
  readonly planes: Float32Array;
}

/** Nobody may write to the pixels afterwards: they are kept until a newer frame comes, and encoded where somebody looks. */
export interface FrameInput {
  readonly type: "frame";
  readonly frame: Frame;
  readonly placement?: FieldPlacement;
  readonly cells: readonly PublishedCell[];
  readonly density?: PublishedDensity;
}

export type PublicationInput = CountsInput | StatusInput | AlertsInput | CellsInput | FrameInput;
