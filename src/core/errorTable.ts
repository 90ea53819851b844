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
  INTERNAL: entry("An unexpected fault inside cytostream", "Report it with the log lines around it.", {
    httpStatus: 500,
  }),
  CLOSE_TIMEOUT: entry("A part of the program did not close in time", "Look at the log for what it was busy with."),
  USAGE: entry("The command line is not understood", "See the command's --help.", { exitCode: 64 }),

  CONFIG_INVALID: entry("The configuration does not fit the schema", "Mend the key that the message names.", {
    exitCode: 78,
  }),
  CONFIG_UNREADABLE: entry("A configuration file cannot be read", "Check the path and the file's YAML.", {
    exitCode: 66,
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
  CAMERA_SOURCE_NOT_FOUND: entry("The camera's source is not there", "Check the path, device or address.", {
    exitCode: 66,
  }),
  CAMERA_UNREACHABLE: entry("The camera's host or device does not answer", "Check that it is on and connected.", {
    retryable: true,
    exitCode: 69,
  }),
  CAMERA_BUSY: entry("Another program uses the camera", "Close the other program.", { retryable: true, exitCode: 69 }),
  CAMERA_DENIED: entry("The camera's source may not be opened", "Check permissions, user name and password.", {
    exitCode: 77,
  }),
  CAMERA_UNSUPPORTED: entry("The source is of a kind that cannot be read", "See docs/drivers.md for what can.", {
    exitCode: 65,
  }),
  CAMERA_DISCONNECTED: entry("A live camera stopped delivering", "Check the cable and the source.", {
    retryable: true,
    exitCode: 69,
  }),
  FFMPEG_NOT_FOUND: entry("ffmpeg cannot be started", "Install ffmpeg, or name it by the option `ffmpegPath`.", {
    exitCode: 69,
  }),
  GENICAM_TOOLS_NOT_FOUND: entry(
    "The tools for GigE Vision and USB3 Vision cameras are not installed",
    "Install aravis and GStreamer: apt install aravis-tools gstreamer1.0-tools gstreamer1.0-plugins-base.",
    { exitCode: 69 },
  ),
  MICROMANAGER_NOT_FOUND: entry(
    "Micro-Manager's core cannot be loaded",
    "Install it for a Python: pip install pymmcore-nano numpy; name that Python by the option `python`.",
    { exitCode: 69 },
  ),
  DRIVER_INVALID: entry("A driver folder cannot be loaded or breaks the contract", "See docs/drivers.md.", {
    exitCode: 70,
  }),
  FRAME_INVALID: entry("A frame has the wrong size or format", "Check the camera's pixel format.", { retryable: true }),
  FRAME_LOST: entry("A frame was lost between camera and program", "Check the network, its buffers, and the load.", {
    retryable: true,
  }),
  IMAGE_UNREADABLE: entry("A picture cannot be decoded", "Check that the file is a whole JPEG, PNG, TIFF or BMP.", {
    exitCode: 65,
    httpStatus: 400,
  }),
  IMAGE_TOO_LARGE: entry("A picture has more pixels than allowed", "Raise the limit or tile the picture.", {
    exitCode: 65,
    httpStatus: 413,
  }),

  MODEL_NOT_FOUND: entry("No such model", "List the models with `cytostream models list`.", {
    exitCode: 66,
    httpStatus: 404,
  }),
  MODEL_INVALID: entry("A model's hash, classes or shapes are wrong", "Fetch or train the model again.", {
    exitCode: 65,
    httpStatus: 409,
  }),
  PROVIDER_UNAVAILABLE: entry("The execution provider asked for is not there", "See `cytostream doctor`.", {
    exitCode: 69,
  }),
  DETECTION_FAILED: entry("A field could not be searched", "See the message; the next field is tried.", {
    retryable: true,
  }),
  DETECTOR_CRASHED: entry("A detection worker died or hung over a field", "It is restarted by itself.", {
    retryable: true,
    httpStatus: 503,
  }),
  DETECTOR_CLOSED: entry("The detector was closed before the field was searched", "Open it again."),
  DETECTION_CANCELLED: entry("The caller withdrew the field before it was searched", "Send it again."),

  OUTPUT_FAILED: entry("A result cannot be written", "Check that the folder is there, writable and not full.", {
    exitCode: 73,
  }),
  DATASET_INVALID: entry("A data set cannot be read", "Check its layout: YOLO (data.yaml) or Pascal VOC.", {
    exitCode: 65,
  }),
  TRAINING_DIVERGED: entry(
    "Training left the finite numbers",
    "Resume from the last good checkpoint with a lower rate.",
    {
      exitCode: 70,
    },
  ),
  MEMORY_INSUFFICIENT: entry("The machine has too little free memory", "Free memory, or ask for less.", {
    exitCode: 69,
  }),
  CHECKPOINT_INVALID: entry("A checkpoint does not fit this training", "Start anew, or give the matching folder.", {
    exitCode: 65,
  }),
  RUN_BUSY: entry("Another process works on this run", "Wait until it is done, or end it.", {
    retryable: true,
    exitCode: 69,
  }),

  TENSORFLOW_UNAVAILABLE: entry(
    "The engine tfjs has no native TensorFlow library",
    "Run `npm run setup:tensorflow`, or train with --engine onnxruntime.",
    { exitCode: 69 },
  ),
  SETUP_FAILED: entry("What was to be set up could not be", "See the message; set up again once that is mended.", {
    exitCode: 69,
  }),

  COUNTING_STATE_INVALID: entry(
    "Saved counts are damaged or of another version",
    "Start the count of the slide anew.",
    {
      exitCode: 65,
    },
  ),

  LISTEN_FAILED: entry(
    "The address to listen on cannot be opened",
    "Check publication.host and the rights on the port.",
    {
      exitCode: 69,
    },
  ),
  HOST_REFUSED: entry("The Host header names a machine that this is not", "Open it by address, or list the name.", {
    httpStatus: 421,
  }),
  ORIGIN_REFUSED: entry(
    "A page of another site may not read the stream",
    "Open the dashboard itself, or list the origin.",
    {
      httpStatus: 403,
    },
  ),
  CLIENTS_EXCEEDED: entry("As many clients are connected as are allowed", "Close one, or raise the limit.", {
    retryable: true,
    httpStatus: 503,
  }),
  SHUTTING_DOWN: entry("The daemon is stopping", "Connect again when it is back.", {
    retryable: true,
    httpStatus: 503,
  }),
  NOT_READY: entry("There is no result yet", "Ask again when the first field has been counted.", {
    retryable: true,
    httpStatus: 503,
  }),
  NOT_FOUND: entry("There is nothing at this address", "See docs/protocol.md for the addresses.", { httpStatus: 404 }),
  REQUEST_INVALID: entry("The request is not understood", "See docs/protocol.md.", { httpStatus: 400 }),
  REQUEST_TOO_LARGE: entry("The request is longer than allowed", "See docs/protocol.md for the limits.", {
    httpStatus: 413,
  }),
  REQUESTS_EXCEEDED: entry("As many requests of this kind are served as are at once", "Ask again a little later.", {
    retryable: true,
    httpStatus: 503,
  }),
  MESSAGE_NOT_JSON: entry("A client's message is not a JSON object", "Send one JSON object in a text message."),
  MESSAGE_TYPE_UNKNOWN: entry(
    "A client's message has a type that does not exist",
    "See docs/protocol.md for the types.",
  ),
  MESSAGE_INVALID: entry("A client's message does not fit the schema of its type", "Mend the key that is named."),
  MESSAGE_BINARY: entry(
    "A client sent binary where text is due",
    "Send JSON in text messages; the connection is closed.",
  ),
  MESSAGE_RATE: entry("A client sends more messages than allowed", "Wait; hello tells the limits.", {
    retryable: true,
  }),
  SESSION_UNKNOWN: entry("The session to resume is unknown, over, or not this client's", "Subscribe anew."),

  PORT_IN_USE: entry("The port to listen on is taken", "Stop the other program or choose another port.", {
    exitCode: 69,
  }),

  STORE_FULL: entry(
    "The disk is full: nothing more can be kept",
    "Free space in the data directory; counting goes on meanwhile.",
    {
      retryable: true,
      exitCode: 74,
      httpStatus: 507,
    },
  ),
  STORE_FAILED: entry("The data directory cannot be read or written", "Check the folder, its rights and its disk.", {
    exitCode: 74,
    httpStatus: 500,
  }),
  STORE_BUSY: entry("The store has more to write than it can take", "Send it again a little later.", {
    retryable: true,
    exitCode: 75,
    httpStatus: 503,
  }),
  STORE_DAMAGED: entry(
    "A file of the data directory is not what was written",
    "Restore a backup: `cytostream restore`.",
    {
      exitCode: 65,
      httpStatus: 500,
    },
  ),
  STORE_NEWER: entry(
    "The database is of a newer version of cytostream",
    "Install the newer version, or restore a backup.",
    {
      exitCode: 65,
    },
  ),
  DATA_DIRECTORY_BUSY: entry("Another process works in the data directory", "Stop it, or give another `dataDir`.", {
    retryable: true,
    exitCode: 75,
  }),
  DATA_DIRECTORY_NOT_FOUND: entry("There is no laboratory in the data directory", "Check `--data-dir` and `dataDir`.", {
    exitCode: 66,
  }),
  DATA_DIRECTORY_NOT_EMPTY: entry(
    "The data directory is not empty",
    "Give another one, or `--force`: the old one is kept beside it.",
    {
      exitCode: 73,
    },
  ),

  LABEL_INVALID: entry("A label cannot be taken", "Mend what the message names.", { exitCode: 65, httpStatus: 400 }),
  LABEL_IMPORT_INVALID: entry("A data set to import cannot be read", "See docs/labels.md for the formats.", {
    exitCode: 65,
  }),
  LABEL_FIELD_UNKNOWN: entry("There is no labelled field of that id", "Ask for the list of fields.", {
    exitCode: 65,
    httpStatus: 404,
  }),
  LABEL_PICTURE_UNKNOWN: entry("There is no picture of that hash", "Send the picture first.", {
    exitCode: 65,
    httpStatus: 404,
  }),
  LABEL_CONFLICT: entry(
    "The label contradicts one that is there",
    "Fetch the newest revision, and send the change under a new id.",
    {
      exitCode: 65,
      httpStatus: 409,
    },
  ),

  JOB_NOT_FOUND: entry("There is no job of that id", "See `cytostream jobs list`.", { exitCode: 65, httpStatus: 404 }),
  JOB_RUNNING: entry("A training is already running", "Wait for it, or cancel it.", {
    retryable: true,
    exitCode: 75,
    httpStatus: 409,
  }),
  JOB_NO_LABELS: entry("There are too few confirmed fields to learn from", "Confirm more fields.", {
    exitCode: 65,
    httpStatus: 409,
  }),
  JOB_ENDED: entry("The job has ended", "Start another one.", { exitCode: 65, httpStatus: 409 }),
  JOB_CRASHED: entry(
    "The training process ended unexpectedly",
    "Look at the job's log; it was retried as configured.",
    {
      retryable: true,
    },
  ),
  JOB_HUNG: entry("The training process gave no sign of life", "Look at the job's log; it was retried as configured.", {
    retryable: true,
  }),
  JOB_OUT_OF_MEMORY: entry(
    "The training needed more memory than it may have",
    "Raise `training.memoryMiB`, or train on fewer fields.",
    {},
  ),
  JOB_TIME_OVER: entry("The training took longer than it may", "Raise `training.minutes`.", {}),

  MODEL_SELF_TEST_FAILED: entry(
    "A model does not find on its golden fields what it found when it was made",
    "Keep the old one; train anew.",
    {
      exitCode: 65,
      httpStatus: 409,
    },
  ),
  ROLLBACK_IMPOSSIBLE: entry("There is no model to go back to", "See `cytostream models history`.", {
    exitCode: 65,
    httpStatus: 409,
  }),
  VALIDATION_EMPTY: entry("There are no frozen validation fields to compare models on", "Confirm more fields.", {
    exitCode: 65,
    httpStatus: 409,
  }),

  STAGE_NOT_FOUND: entry("No stage driver of that name", "List the drivers with `cytostream devices list`.", {
    exitCode: 69,
  }),
  STAGE_PORT_NOT_FOUND: entry("The stage's port is not there", "See `cytostream devices list` for the ports.", {
    retryable: true,
    exitCode: 69,
  }),
  STAGE_PORT_BUSY: entry("Another program uses the stage's port", "Close the other program.", {
    retryable: true,
    exitCode: 69,
  }),
  STAGE_PORT_DENIED: entry(
    "The stage's port may not be opened",
    "Add the user to the group of serial ports (dialout on Debian), and log in again.",
    { exitCode: 77 },
  ),
  STAGE_WRONG_DEVICE: entry(
    "What answers on the port is not the stage that is configured",
    "Check `stage.source`, `stage.name` and the baud rate; `cytostream devices probe` tells what answers.",
    { exitCode: 69 },
  ),
  STAGE_SILENT: entry("The stage does not answer", "Check cable, power and baud rate.", {
    retryable: true,
    exitCode: 69,
    httpStatus: 503,
  }),
  STAGE_DISCONNECTED: entry("The stage was unplugged or its port was closed", "Plug it in again; then home it.", {
    retryable: true,
    exitCode: 69,
    httpStatus: 503,
  }),
  STAGE_ALARM: entry(
    "The stage's controller is in alarm and moves no more",
    "Clear the way, then home it: `cytostream stage home`.",
    { exitCode: 69, httpStatus: 409 },
  ),
  STAGE_REFUSED: entry("The stage's controller refused a command", "See the message for the controller's own words.", {
    exitCode: 69,
    httpStatus: 409,
  }),
  STAGE_LIMIT: entry(
    "The target lies outside of the travel that is allowed",
    "Choose a nearer one, or set stage.limitsUm.",
    {
      exitCode: 65,
      httpStatus: 400,
    },
  ),
  STAGE_BUSY: entry("The stage is already moving", "Wait until it stands, or stop it.", {
    retryable: true,
    exitCode: 75,
    httpStatus: 409,
  }),
  STAGE_STOPPED: entry("The move was stopped", "Resume when the way is clear.", { exitCode: 75, httpStatus: 409 }),
  STAGE_UNREFERENCED: entry(
    "The stage does not know where it is",
    "Home it (`cytostream stage home`), or declare its position (`cytostream stage declare`).",
    { exitCode: 69, httpStatus: 409 },
  ),
  STAGE_UNSUPPORTED: entry("The stage cannot do that", "See docs/microscopes.md for what each stage can.", {
    exitCode: 69,
    httpStatus: 409,
  }),
  STAGE_ABSENT: entry("No stage is configured", "Set `stage.name`; see docs/microscopes.md.", {
    exitCode: 69,
    httpStatus: 409,
  }),

  CALIBRATION_FAILED: entry(
    "The pictures do not tell how stage and camera belong together",
    "Move to a place with many cells in focus, and try again.",
    { exitCode: 69, httpStatus: 409 },
  ),
  CALIBRATION_MISSING: entry("Stage and camera are not calibrated", "Run `cytostream calibrate optics`.", {
    exitCode: 69,
    httpStatus: 409,
  }),
  OBJECTIVE_CHANGED: entry(
    "The pictures have another scale than the calibrated objective",
    "Put the objective back; or name the one in place in `optics.objective`, and calibrate it.",
    { exitCode: 65, httpStatus: 409 },
  ),
  FOCUS_FAILED: entry("No plane of best focus was found", "Bring cells near focus by hand, and try again.", {
    retryable: true,
    exitCode: 69,
    httpStatus: 409,
  }),

  SCAN_NOT_FOUND: entry("There is no scan of that id", "See `cytostream scan list`.", {
    exitCode: 65,
    httpStatus: 404,
  }),
  SCAN_RUNNING: entry("A scan is already under way", "Wait for it, or abort it.", {
    retryable: true,
    exitCode: 75,
    httpStatus: 409,
  }),
  SCAN_ENDED: entry("The scan has ended", "Start another one.", { exitCode: 65, httpStatus: 409 }),
  SCAN_PLAN_INVALID: entry("The plan of the scan cannot be carried out", "Mend what the message names.", {
    exitCode: 65,
    httpStatus: 400,
  }),
  SCAN_NO_MONOLAYER: entry(
    "The coarse pass found no place where red cells lie side by side",
    "Choose another region, nearer to the feathered edge.",
    { exitCode: 65, httpStatus: 409 },
  ),
  SCAN_OTHER_SLIDE: entry(
    "The scan belongs to another slide, objective or camera than what is there now",
    "Put back what it was begun with, or start another scan.",
    { exitCode: 65, httpStatus: 409 },
  ),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errorTable;
