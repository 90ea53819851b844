import { stringify } from "yaml";
import { z } from "zod";
import {
  keepSchema,
  labelMessageSchema,
  pingSchema,
  resumeSchema,
  subscribeSchema,
  unsubscribeSchema,
} from "./clientMessages.js";
import { clientExamples, frameExample, serverExamples } from "./examples.js";
import { jobCommandSchema, jobRecordSchema, triggerDecisionSchema } from "./jobs.js";
import {
  fieldPageSchema,
  fieldRecordSchema,
  labelReceiptSchema,
  labelStatsSchema,
  labelSubmissionSchema,
  reviewOfferSchema,
  storedPictureSchema,
} from "./labels.js";
import { defaultStreamLimits, protocolVersion } from "./limits.js";
import { gateReportSchema, modelCommandSchema, modelEntrySchema, promotionSchema } from "./models.js";
import {
  calibrateCommandSchema,
  focusCommandSchema,
  microscopeCommandSchema,
  microscopeStatusSchema,
  scanCommandSchema,
  scanFieldCellsSchema,
  scanFieldSchema,
  scanRequestSchema,
} from "./scans.js";
import {
  alertsMessageSchema,
  calibratedSchema,
  cellsMessageSchema,
  countsMessageSchema,
  errorMessageSchema,
  focusedSchema,
  frameHeaderSchema,
  helloSchema,
  jobStateSchema,
  jobsMessageSchema,
  labelledSchema,
  labelsMessageSchema,
  microscopeStateSchema,
  modelsMessageSchema,
  pongSchema,
  promotedSchema,
  resumedSchema,
  scanStateSchema,
  scansMessageSchema,
  statusMessageSchema,
  subscriptionsSchema,
} from "./serverMessages.js";

interface Described {
  readonly schema: z.ZodType;
  readonly summary: string;
}

const fromClient: Readonly<Record<string, Described>> = {
  subscribe: { schema: subscribeSchema, summary: "Wants topics; said again, it changes their options." },
  unsubscribe: { schema: unsubscribeSchema, summary: "Wants topics no more." },
  resume: { schema: resumeSchema, summary: "Takes up the session of an earlier connection." },
  ping: { schema: pingSchema, summary: "Asks for a pong." },
  label: { schema: labelMessageSchema, summary: "Hands in a labelled field, or a change of one." },
  keep: { schema: keepSchema, summary: "Keeps a field of the live picture for review." },
  job: { schema: jobCommandSchema, summary: "Begins, pauses, resumes or cancels a training." },
  model: { schema: modelCommandSchema, summary: "Promotes a model, or goes back one." },
  scan: { schema: scanCommandSchema, summary: "Begins, pauses, resumes or aborts a scan." },
  microscope: { schema: microscopeCommandSchema, summary: "Homes, moves or stops the stage." },
  calibrate: {
    schema: calibrateCommandSchema,
    summary: "Measures how stage and camera belong together, or the light.",
  },
  focus: { schema: focusCommandSchema, summary: "Looks for the plane of best focus." },
};

const fromServer: Readonly<Record<string, Described>> = {
  hello: { schema: helloSchema, summary: "The first message of every connection." },
  subscriptions: { schema: subscriptionsSchema, summary: "Answers subscribe and unsubscribe." },
  resumed: { schema: resumedSchema, summary: "Answers resume, and tells what was missed." },
  pong: { schema: pongSchema, summary: "Answers ping." },
  labelled: { schema: labelledSchema, summary: "Answers label and keep: it is on the disk." },
  jobState: { schema: jobStateSchema, summary: "Answers job." },
  promoted: { schema: promotedSchema, summary: "Answers model: what is in production from now on." },
  scanState: { schema: scanStateSchema, summary: "Answers scan." },
  microscopeState: { schema: microscopeStateSchema, summary: "Answers microscope: where the stage is now." },
  calibrated: { schema: calibratedSchema, summary: "Answers calibrate: what was measured." },
  focused: { schema: focusedSchema, summary: "Answers focus: where it is sharpest." },
  error: { schema: errorMessageSchema, summary: "Refuses a message." },
  status: { schema: statusMessageSchema, summary: "Topic status: camera, models, rates, drops." },
  counts: { schema: countsMessageSchema, summary: "Topic counts: cells per class, each counted once, with limits." },
  alerts: { schema: alertsMessageSchema, summary: "Topic alerts: alarms, raised or not." },
  scans: { schema: scansMessageSchema, summary: "Topic scans: the newest scans, and the microscope." },
  models: { schema: modelsMessageSchema, summary: "Topic models: which there are, which is in production." },
  jobs: { schema: jobsMessageSchema, summary: "Topic jobs: the newest trainings, and the rule's newest decision." },
  labels: { schema: labelsMessageSchema, summary: "Topic labels: what has piled up, and what changed." },
  cells: { schema: cellsMessageSchema, summary: "Topic cells: the cells of the newest field." },
};

/** Bodies of HTTP, which docs/protocol.md names with their addresses. */
const overHttp: Readonly<Record<string, z.ZodType>> = {
  StoredPicture: storedPictureSchema,
  LabelSubmission: labelSubmissionSchema,
  LabelReceipt: labelReceiptSchema,
  FieldRecord: fieldRecordSchema,
  FieldPage: fieldPageSchema,
  ReviewOffer: reviewOfferSchema,
  LabelStats: labelStatsSchema,
  JobRecord: jobRecordSchema,
  TriggerDecision: triggerDecisionSchema,
  ModelEntry: modelEntrySchema,
  GateReport: gateReportSchema,
  Promotion: promotionSchema,
  ScanRequest: scanRequestSchema,
  ScanField: scanFieldSchema,
  ScanFieldCells: scanFieldCellsSchema,
  MicroscopeStatus: microscopeStatusSchema,
};

const jsonSchema = (schema: z.ZodType, io: "input" | "output"): object => {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { target: "draft-7", io });
  return rest;
};

const textMessages = (
  table: Readonly<Record<string, Described>>,
  examples: Readonly<Record<string, unknown>>,
  io: "input" | "output",
): Record<string, object> =>
  Object.fromEntries(
    Object.entries(table).map(([name, { schema, summary }]) => [
      name,
      {
        name,
        summary,
        contentType: "application/json",
        payload: jsonSchema(schema, io),
        examples: [{ payload: examples[name] }],
      },
    ]),
  );

const frameMessage = (): object => ({
  name: "frame",
  summary: "Topic frames: a binary message with a header, a JPEG and, where asked for, a density map.",
  description:
    "Length of the header (unsigned, 32 bit, big-endian), the header (JSON, UTF-8), the picture, the density map. " +
    "`headers` below is the schema of that header.",
  contentType: "application/octet-stream",
  headers: jsonSchema(frameHeaderSchema, "output"),
  payload: { type: "string", format: "binary" },
  examples: [{ headers: frameExample }],
});

const references = (prefix: string, table: object): { $ref: string }[] =>
  Object.keys(table).map((name) => ({ $ref: `${prefix}/${name}` }));

/** The stream as an AsyncAPI 3 document, made from the schemas that the daemon itself uses. */
export const asyncApiDocument = (): Record<string, unknown> => {
  const sent = { ...fromServer, frame: frameHeaderSchema };
  const everything = { ...fromClient, ...sent };
  const inChannel = "#/channels/stream/messages";
  return {
    asyncapi: "3.0.0",
    info: {
      title: "cytostream",
      version: `${protocolVersion}.0.0`,
      description: "Live counts of blood cells. docs/protocol.md teaches it.",
      license: { name: "MIT" },
    },
    defaultContentType: "application/json",
    servers: {
      daemon: {
        host: "127.0.0.1:{port}",
        protocol: "ws",
        variables: { port: { default: "8480", description: "publication.port of the configuration." } },
      },
    },
    channels: {
      stream: {
        address: "/v1/stream",
        description: `A client's message has at most ${defaultStreamLimits.maxMessageBytes} bytes unless hello says otherwise.`,
        messages: Object.fromEntries(
          Object.keys(everything).map((name) => [name, { $ref: `#/components/messages/${name}` }]),
        ),
        bindings: { ws: { method: "GET" } },
      },
    },
    operations: {
      receive: {
        action: "receive",
        channel: { $ref: "#/channels/stream" },
        messages: references(inChannel, fromClient),
      },
      send: {
        action: "send",
        channel: { $ref: "#/channels/stream" },
        messages: references(inChannel, sent),
      },
    },
    components: {
      schemas: Object.fromEntries(
        Object.entries(overHttp).map(([name, schema]) => [
          name,
          jsonSchema(schema, name === "LabelSubmission" ? "input" : "output"),
        ]),
      ),
      messages: {
        ...textMessages(fromClient, clientExamples, "input"),
        ...textMessages(fromServer, serverExamples, "output"),
        frame: frameMessage(),
      },
    },
  };
};

/** The contents of docs/asyncapi.yaml. */
export const asyncApiText = (): string =>
  `# Made by \`npm run docs\` from src/publication/protocol; do not edit.\n${stringify(asyncApiDocument(), {
    lineWidth: 0,
    aliasDuplicateObjects: false,
  })}`;
