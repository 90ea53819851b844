import { z } from "zod";

const milliseconds = (minimum: number, maximum: number) => z.int().min(minimum).max(maximum);

const reconnect = z.strictObject({
  initialDelayMs: milliseconds(10, 60_000)
    .default(200)
    .describe("Delay before the first attempt to reopen the camera."),
  maxDelayMs: milliseconds(10, 60_000)
    .default(3000)
    .describe("Cap of the delay. Frames come this long, and the opening, after the camera is back."),
  factor: z.number().min(1).max(10).default(2).describe("Growth from one delay to the next."),
  jitter: z.number().min(0).max(1).default(0.5).describe("Share of each delay that is random."),
  resetAfterMs: milliseconds(0, 600_000)
    .default(2000)
    .describe("How long frames must have come before the delays begin from the first again."),
});

const camera = z.strictObject({
  name: z
    .string()
    .min(1)
    .default("virtual")
    .describe(
      "Camera driver: `virtual` (a simulated slide), `folder`, `ffmpeg`, or another folder of drivers/cameras.",
    ),
  source: z
    .string()
    .min(1)
    .optional()
    .describe("What the driver opens: a folder or glob, a device, an address. See docs/drivers.md for each driver."),
  options: z
    .record(z.string(), z.unknown())
    .default({})
    .describe("Options of the driver itself; see docs/drivers.md. Unknown ones are refused when the driver is loaded."),
  openTimeoutMs: milliseconds(100, 120_000).default(10_000).describe("Time for the camera to open."),
  staleAfterMs: milliseconds(100, 3000)
    .default(2000)
    .describe("Without a frame for so long the counts are marked stale and the camera is opened anew."),
  reconnect: reconnect.prefault({}),
  latencyMs: milliseconds(0, 10_000)
    .default(0)
    .describe(
      "From exposure to the frame's arrival, at most: a scan waits for frames that were exposed after the stage stood.",
    ),
});

const optics = z.strictObject({
  objective: z
    .string()
    .min(1)
    .max(60)
    .default("default")
    .describe("Name of the objective in place: calibrations are kept by it."),
  umPerPixel: z
    .number()
    .min(0.01)
    .max(2)
    .optional()
    .describe(
      "Object-side size of a pixel, in micrometres. Without it, and where the camera does not tell, the size is estimated from the red cells.",
    ),
});

const range = z
  .strictObject({ min: z.number(), max: z.number() })
  .refine(({ min, max }) => min < max, "min must be below max");

const stage = z.strictObject({
  name: z
    .string()
    .min(1)
    .optional()
    .describe("Stage driver, a folder of drivers/stages; without it there is no stage, and no scans."),
  source: z
    .string()
    .min(1)
    .optional()
    .describe("What the driver opens: a serial port, an address. See docs/microscopes.md."),
  options: z
    .record(z.string(), z.unknown())
    .default({})
    .describe(
      "Options of the driver itself; see docs/microscopes.md. Unknown ones are refused when the driver is loaded.",
    ),
  limitsUm: z
    .strictObject({ x: range.optional(), y: range.optional(), z: range.optional() })
    .default({})
    .describe(
      "Travel that is allowed, um, in the stage's own axes. A target outside is refused before a byte is sent.",
    ),
  backlashUm: z
    .strictObject({
      x: z.number().min(0).max(1000).default(0),
      y: z.number().min(0).max(1000).default(0),
      z: z.number().min(0).max(1000).default(0),
    })
    .prefault({})
    .describe("Play of each axis: targets are approached from one side, from this much further off."),
  settleMs: milliseconds(0, 10_000)
    .default(30)
    .describe("From the stage's standing still to a picture that does not shake."),
  openTimeoutMs: milliseconds(100, 120_000).default(10_000).describe("Time for the stage to open."),
  moveTimeoutMs: milliseconds(100, 3_600_000).default(60_000).describe("A move that takes longer is halted and fails."),
  reconnect: reconnect.prefault({}).describe("How a lost stage is opened again; it must be homed before it moves."),
});

const models = z.strictObject({
  detector: z
    .string()
    .min(1)
    .optional()
    .describe("Model that finds cells: a name, `name@version`, or a folder. The newest shipped one if not given."),
  classifier: z
    .string()
    .min(1)
    .optional()
    .describe("Model that names leukocytes: a name, `name@version`, or a folder. The newest shipped one if not given."),
});

/** Execution providers of onnxruntime, and `auto`. */
export const providerChoices = ["auto", "cpu", "cuda", "webgpu", "dml", "coreml"] as const;

const detection = z.strictObject({
  models: models.prefault({}),
  provider: z
    .enum(providerChoices)
    .default("auto")
    .describe(
      "Execution provider of onnxruntime. `auto` takes the fastest that is there; one asked for by name must be there.",
    ),
  precision: z
    .enum(["fp32", "int8"])
    .default("fp32")
    .describe("Arithmetic of the detector; `int8` needs a model that has it."),
  workers: z.int().min(1).max(16).default(1).describe("Worker threads that search fields at the same time."),
  threads: z
    .int()
    .min(0)
    .max(256)
    .default(0)
    .describe("Threads inside each worker; 0 shares the machine's cores among the workers."),
  framesWaiting: z
    .int()
    .min(0)
    .max(8)
    .default(1)
    .describe("Newest frames that may wait for a worker; older ones are dropped and counted."),
  timeoutMs: milliseconds(100, 600_000)
    .default(30_000)
    .describe("A field that takes longer is given up, and the worker replaced."),
});

const counting = z.strictObject({
  stageErrorUm: z
    .number()
    .min(0)
    .max(1000)
    .default(5)
    .describe(
      "Largest error of a stage position; cells in the overlap may move a field by at most this. 0: taken as it is.",
    ),
  minSeenShare: z
    .number()
    .min(0)
    .max(1)
    .default(0.25)
    .describe("A cell counts when at least this share of the fields that show its place whole have seen it."),
  repeatedOverlap: z
    .number()
    .min(0.5)
    .max(1)
    .default(0.98)
    .describe("A field that shares at least this much with an earlier one is that field again and adds nothing."),
  maxCells: z
    .int()
    .min(1000)
    .max(50_000_000)
    .default(1_500_000)
    .describe("Cells remembered by place, so that each is counted once; beyond it the oldest places are forgotten."),
});

const publication = z.strictObject({
  host: z
    .string()
    .min(1)
    .default("127.0.0.1")
    .describe("Address to listen on. Anything but loopback shows the counts to the network."),
  port: z.int().min(0).max(65_535).default(8480).describe("Port of HTTP, WebSocket and dashboard; 0 takes a free one."),
  dashboard: z.boolean().default(true).describe("Whether the dashboard is served at `/`."),
  allowedOrigins: z
    .array(z.string().min(1))
    .default([])
    .describe("Web origins, besides the daemon's own, whose pages may open the stream."),
  allowedHosts: z
    .array(z.string().min(1))
    .default([])
    .describe("Names, besides addresses and `host`, by which browsers may open this machine."),
  frameQuality: z.int().min(1).max(100).default(75).describe("JPEG quality of the pictures sent to clients."),
  frameMaxWidthPx: z
    .int()
    .min(64)
    .max(8192)
    .default(1280)
    .describe("Wider pictures are sent scaled down to this width."),
  maxFramesPerSecond: z
    .number()
    .min(0.1)
    .max(120)
    .default(10)
    .describe("Pictures sent to each client per second, at most."),
  maxClients: z.int().min(1).max(100_000).default(2000).describe("WebSocket clients at the same time, at most."),
  clientBufferBytes: z
    .int()
    .min(16_384)
    .max(67_108_864)
    .default(262_144)
    .describe("Bytes that may wait for one client; beyond it the newest replaces the older."),
  pingIntervalMs: milliseconds(100, 600_000)
    .default(15_000)
    .describe("A client that has not answered one ping by the next is closed."),
  maxMessageBytes: z
    .int()
    .min(1024)
    .max(1_048_576)
    .default(65_536)
    .describe("Longer messages from clients close the connection (1009)."),
  messagesPerSecond: z
    .number()
    .min(1)
    .max(10_000)
    .default(20)
    .describe("Messages from one client per second; more close the connection (1008)."),
});

const shutdown = z.strictObject({
  drainTimeoutMs: milliseconds(0, 9000)
    .default(4000)
    .describe("Time for frames already taken to be counted after a signal; all is closed within 10 s."),
});

const log = z.strictObject({
  level: z
    .enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"])
    .default("info")
    .describe("Least level that is logged."),
  format: z
    .enum(["auto", "json", "pretty"])
    .default("auto")
    .describe("`pretty` is for people; `auto` is pretty on a terminal and JSON elsewhere."),
  limitIntervalMs: milliseconds(0, 3_600_000)
    .default(10_000)
    .describe("On hot paths at most one line per event in this time."),
});

const clockTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, "hours and minutes, e.g. 22:00");

const timeZone = z.string().refine((name) => {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}, "a time zone, e.g. Europe/Vienna");

const trainingWindow = z.strictObject({
  from: clockTime.default("22:00").describe("A training begins from this time on."),
  to: clockTime.default("05:00").describe("And not from this one on; equal times: at any time."),
  timeZone: timeZone.optional().describe("Of both; the machine's own unless given."),
});

const trigger = z.strictObject({
  confirmedFields: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(40)
    .describe("Fields confirmed since the last training that begin one."),
  confirmedCells: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(30)
    .describe("Confirmed cells of any one leukocyte class since then that begin one."),
  ageDays: z
    .number()
    .min(0.01)
    .max(3650)
    .default(14)
    .describe("New confirmed fields that are older than this begin one, however few."),
  idleMinutes: z
    .number()
    .min(0)
    .max(1440)
    .default(10)
    .describe("For so long no slide has been counted before a training begins."),
  window: trainingWindow.prefault({}),
});

const gate = z.strictObject({
  alpha: z
    .number()
    .min(0.0001)
    .max(0.5)
    .default(0.05)
    .describe("Chance that, in a whole year of nightly tests, any worse candidate is promoted."),
  marginPoints: z.number().min(0).max(20).default(3).describe("Points of P by which no class may be worse."),
});

const labels = z.strictObject({
  proposalsPerHour: z
    .number()
    .min(0)
    .max(3600)
    .default(12)
    .describe(
      "Of the fields that are counted, so many of the most doubtful ones an hour are kept for review; 0: none.",
    ),
  mostProposals: z
    .int()
    .min(0)
    .max(1_000_000)
    .default(500)
    .describe("With so many kept fields that nobody has looked at, no more are added."),
});

const training = z.strictObject({
  enabled: z
    .boolean()
    .default(true)
    .describe("Whether the rule may begin trainings; by hand they can always be begun."),
  trigger: trigger.prefault({}).describe("When enough has piled up."),
  whileLive: z
    .enum(["pause", "run"])
    .default("pause")
    .describe(
      "What a training does while fields are being counted: waits, or goes on beside it at the lowest priority.",
    ),
  minutes: z.number().min(0.05).max(1440).default(30).describe("Time of a training, pauses not counted."),
  threads: z.int().min(0).max(256).default(0).describe("Threads of the training process; 0: all the machine's cores."),
  memoryMiB: z.int().min(512).max(1_048_576).default(3072).describe("Memory that the training process may have."),
  retries: z
    .int()
    .min(0)
    .max(10)
    .default(2)
    .describe("How often a crashed training is begun again from its checkpoint."),
  datasets: z
    .array(z.string().min(1))
    .default([])
    .describe(
      "Folders of labelled fields that the model in production has learnt from: mixed in, so that it forgets nothing, and a candidate is compared on them too.",
    ),
  paintedRatio: z
    .number()
    .min(0)
    .max(0.9)
    .default(0.25)
    .describe("Share of the detector's samples that the painter makes; 0 leaves painting out."),
  seed: z.int().min(0).max(4_294_967_295).default(1).describe("Of the networks' samples."),
  gate: gate.prefault({}).describe("What a candidate must show before it is promoted."),
});

/** The one schema of the configuration: types, defaults, the JSON Schema and the reference page all come from it. */
export const configSchema = z.strictObject({
  camera: camera.prefault({}).describe("Where frames come from."),
  stage: stage.prefault({}).describe("What moves the slide."),
  optics: optics.prefault({}).describe("What is known of the microscope."),
  detection: detection.prefault({}).describe("How cells are found."),
  counting: counting.prefault({}).describe("How cells become counts."),
  publication: publication.prefault({}).describe("How counts reach people and programs."),
  dataDir: z
    .string()
    .min(1)
    .default("cytostream-data")
    .describe(
      "Folder of everything that the laboratory owns: labels, pictures, trained models. `~/` is the home folder.",
    ),
  labels: labels.prefault({}).describe("Which fields are kept for review."),
  training: training.prefault({}).describe("How the daemon learns from confirmed fields."),
  shutdown: shutdown.prefault({}).describe("How the daemon stops."),
  log: log.prefault({}).describe("What is written to standard error."),
});

/** A whole, valid configuration. */
export type Config = Readonly<z.output<typeof configSchema>>;
