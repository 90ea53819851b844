/** Publication: results -> HTTP, WebSocket and the dashboard, on one port. */
export type { Desks, KeepRequest } from "./desks/desks.js";
export type { HealthSource } from "./http.js";
export type {
  AlertsInput,
  CellsInput,
  CountsInput,
  FieldPlacement,
  FrameFacts,
  FrameInput,
  PublicationInput,
  PublishedCell,
  PublishedDensity,
  StatusInput,
} from "./input.js";
export type { PublicationLog } from "./log.js";
export { asyncApiDocument, asyncApiText } from "./protocol/asyncApi.js";
export { type DecodedFrame, decodeFrameMessage } from "./protocol/binary.js";
export type { ClientMessage } from "./protocol/clientMessages.js";
export { clientMessageSchema } from "./protocol/clientMessages.js";
export {
  type AlertsMessage,
  type CellsMessage,
  type CountsMessage,
  type FrameHeader,
  type HelloMessage,
  type JobsMessage,
  type LabelsMessage,
  type ModelsMessage,
  type ScansMessage,
  type ServerMessage,
  type StatusMessage,
  serverMessageSchema,
  type TaxonomyMessage,
  type Topic,
} from "./protocol/serverMessages.js";
export { createPublication, type Publication, type PublicationOptions, streamPath } from "./publication.js";
export type { PublicationMetrics, PublicationStats } from "./tally.js";
