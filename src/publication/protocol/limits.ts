/** Bounds of the stream. hello tells a client those that it can run into. */

/** Version of the protocol; rises with a change that an older client would misread. */
export const protocolVersion = 1;

/** A client's message in more fragments than this closes the connection with 1008. */
export const maxFragments = 64;

/** Cells listed in one message; `total` tells how many were found. */
export const maxCellsPerMessage = 1000;

/** Positions of fields kept for the map of the slide; older ones are forgotten. */
export const maxFieldsKept = 4096;

/** Widths, px, at which frames are encoded: few, so that many clients share one encoding. */
export const frameWidths = [320, 480, 640, 960, 1280, 1920, 2560, 3840] as const;

export const defaultFrameRateHz = 5;
export const defaultFrameWidth = 960;

/** Refusals within `violationWindowMs` after which a client is closed with 1008. */
export const maxViolations = 8;
export const violationWindowMs = 60_000;

/** Label messages of a client that may be without an answer; one more is refused with MESSAGE_RATE. */
export const labelWindow = 64;

/** Label messages of a client that are answered per second: answers beyond it wait, and the window with them. */
export const labelsPerSecond = 500;

/** Messages `keep`, `job`, `model`, `scan`, `microscope`, `calibrate` and `focus` of a client that may be without an answer. */
export const commandWindow = 8;

/** Largest picture and largest JSON body over HTTP, bytes. */
export const maxPictureBytes = 32 * 1024 * 1024;
export const maxLabelBytes = 1024 * 1024;
export const maxBodyBytes = 4096;

/** Largest request of a scan, whose plan may list its fields, bytes. */
export const maxScanBytes = 4 * 1024 * 1024;

/** Pictures received, and models compared, at the same time. */
export const maxUploads = 4;
export const maxComparisons = 2;

/** Bounds that the configuration sets; the keys are those of its section `publication`. */
export interface StreamLimits {
  /** Best JPEG quality of frames, 1 to 100. */
  readonly frameQuality: number;
  readonly frameMaxWidthPx: number;
  /** Frames to each client per second, at most. */
  readonly maxFramesPerSecond: number;
  readonly maxClients: number;
  /** What may wait in a client's socket; beyond it the newest replaces the older. */
  readonly clientBufferBytes: number;
  /** A client that has not answered a ping by the next one is cut off. */
  readonly pingIntervalMs: number;
  /** A longer message of a client closes the connection with 1009. */
  readonly maxMessageBytes: number;
  /** Messages that a client may send in the long run; three times as many at once. */
  readonly messagesPerSecond: number;
}

export const defaultStreamLimits: StreamLimits = {
  frameQuality: 75,
  frameMaxWidthPx: 1280,
  maxFramesPerSecond: 10,
  maxClients: 2000,
  clientBufferBytes: 256 * 1024,
  pingIntervalMs: 15_000,
  maxMessageBytes: 64 * 1024,
  messagesPerSecond: 20,
};

/** Messages that a client may send at once. */
export const burstOf = (limits: StreamLimits): number => Math.ceil(limits.messagesPerSecond * 3);

/** The widths at which frames can be had. */
export const widthsWithin = (limits: StreamLimits): number[] => {
  const widths = frameWidths.filter((width) => width <= limits.frameMaxWidthPx);
  return widths.length === 0 ? [limits.frameMaxWidthPx] : widths;
};

/** The greatest of `widths` (ascending, at least one) that is not above what a client asked for, or the smallest. */
export const widthFor = (widths: readonly number[], maxWidth: number): number =>
  widths.findLast((width) => width <= maxWidth) ?? widths[0] ?? maxWidth;
