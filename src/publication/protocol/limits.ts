/** Bounds of the stream. hello tells a client those that it can run into. */

/** Version of the protocol; rises with a change that an older client would misread. */
export const protocolVersion = 1;

/** A client's message may have this many bytes; a longer one closes the connection with 1009. */
export const maxMessageBytes = 64 * 1024;

/** A message in more fragments than this closes the connection with 1008. */
export const maxFragments = 64;

/** What the server buffers for one client, and the longest message that it sends. */
export const maxBufferedBytes = 256 * 1024;

/** Cells listed in one message; `total` tells how many were found. Keeps a message within `maxBufferedBytes`. */
export const maxCellsPerMessage = 1000;

/** Positions of fields kept for the map of the slide; older ones are forgotten. */
export const maxFieldsKept = 4096;

/** Widths, px, at which frames are encoded: few, so that many clients share one encoding. */
export const frameWidths = [320, 480, 640, 960, 1280, 1920] as const;

/** Frames are encoded at most this often for one client, 1/s. */
export const maxFrameRateHz = 15;
export const defaultFrameRateHz = 5;
export const maxDensityRateHz = 5;
export const defaultDensityRateHz = 2;
export const defaultFrameWidth = 960;

/** Refusals within `violationWindowMs` after which a client is closed with 1008. */
export const maxViolations = 8;
export const violationWindowMs = 60_000;
