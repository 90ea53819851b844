/** A picture from a camera, with what is known of where and when it was taken. */
export interface Frame {
  /** Rising by one per frame delivered by the camera, from 0; survives reconnects within one run. */
  readonly sequence: number;
  /** Milliseconds since the epoch at which the frame was complete. */
  readonly capturedAtMs: number;
  readonly width: number;
  readonly height: number;
  /** Interleaved 8-bit sRGB, row by row, `width * height * 3` bytes. Owned by whoever holds the frame. */
  readonly pixels: Uint8Array<ArrayBuffer>;
  /** Name of the camera driver. */
  readonly camera: string;
  /** File, device or address; no patient identifiers. */
  readonly source: string;
  /** True for everything that did not come from a real smear through a real camera. */
  readonly simulated: boolean;
  /** Centre of the field on the slide, where a stage reports it. */
  readonly stagePositionUm?: Readonly<{ x: number; y: number }>;
  /** Object-side size of a pixel, where the camera or the configuration knows it. */
  readonly umPerPixel?: number;
  /** Distance from the plane of best focus, where known. */
  readonly defocusUm?: number;
}
