/**
 * The one table of error codes. docs/errors.md is generated from it and a test compares the two.
 *
 * `exitCode` follows sysexits.h where a code ends a command; `remedy` is what a user can do about it.
 */
export interface ErrorEntry {
  readonly title: string;
  readonly remedy: string;
  /** Whether trying the same thing again, unchanged, can succeed. */
  readonly retryable: boolean;
  /** Process exit status when the error ends a command (sysexits.h). */
  readonly exitCode: number;
  /** HTTP status when a request ends with it. */
  readonly httpStatus?: number;
}

const entry = (
  title: string,
  remedy: string,
  options: { retryable?: boolean; exitCode?: number; httpStatus?: number } = {},
): ErrorEntry => ({
  title,
  remedy,
  retryable: options.retryable ?? false,
  exitCode: options.exitCode ?? 70,
  ...(options.httpStatus === undefined ? {} : { httpStatus: options.httpStatus }),
});

export const errorTable = {
  INTERNAL: entry("An unexpected fault inside cytostream", "Report it with the log lines around it.", { httpStatus: 500 }),
  USAGE: entry("The command line is not understood", "See the command's --help.", { exitCode: 64 }),

  CONFIG_INVALID: entry("The configuration does not fit the schema", "Mend the key that the message names.", {
    exitCode: 78,
  }),
  CONFIG_UNKNOWN_KEY: entry("The configuration has a key that does not exist", "Use the nearest known key named.", {
    exitCode: 78,
  }),

  CAMERA_NOT_FOUND: entry("No camera driver or device of that name", "List the drivers with `cytostream doctor`.", {
    exitCode: 69,
  }),
  CAMERA_OPEN_FAILED: entry("The camera could not be opened", "Check that it is connected and not in use.", {
    retryable: true,
    exitCode: 69,
  }),
  CAMERA_STALE: entry("The camera has delivered no frame for too long", "Check the cable, the light and the source.", {
    retryable: true,
    exitCode: 69,
  }),
  FRAME_INVALID: entry("A frame has the wrong size or format", "Check the camera's pixel format.", { retryable: true }),
  IMAGE_UNREADABLE: entry("A picture cannot be decoded", "Check that the file is a whole JPEG, PNG, TIFF or BMP.", {
    exitCode: 65,
  }),
  IMAGE_TOO_LARGE: entry("A picture has more pixels than allowed", "Raise the limit or tile the picture.", {
    exitCode: 65,
  }),

  MODEL_NOT_FOUND: entry("No such model", "List the models with `cytostream models list`.", { exitCode: 66 }),
  MODEL_INVALID: entry("A model's hash, classes or shapes are wrong", "Fetch or train the model again.", {
    exitCode: 65,
  }),
  PROVIDER_UNAVAILABLE: entry("The execution provider asked for is not there", "See `cytostream doctor`.", {
    exitCode: 69,
  }),

  DATASET_INVALID: entry("A data set cannot be read", "Check its layout: YOLO (data.yaml) or Pascal VOC.", {
    exitCode: 65,
  }),
  TRAINING_DIVERGED: entry("Training left the finite numbers", "Resume from the last good checkpoint with a lower rate.", {
    exitCode: 70,
  }),
  CHECKPOINT_INVALID: entry("A checkpoint does not fit this training", "Start anew, or give the matching folder.", {
    exitCode: 65,
  }),

  PORT_IN_USE: entry("The port to listen on is taken", "Stop the other program or choose another port.", {
    exitCode: 69,
  }),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errorTable;
