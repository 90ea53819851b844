/** Publication: results -> HTTP, WebSocket and the dashboard, on one port. */
export type { HealthProbes, MetricsSource, ProbeReport } from "./http.js";
export type {
  CellsInput,
  CountsInput,
  DensityInput,
  FieldPlacement,
  FrameFacts,
  FrameInput,
  PublicationInput,
  PublishedCell,
  StatusInput,
} from "./input.js";
export type { PublicationLog } from "./log.js";
export { asyncApiDocument, asyncApiText } from "./protocol/asyncApi.js";
export { decodeBinaryMessage } from "./protocol/binary.js";
export type { ClientMessage } from "./protocol/clientMessages.js";
export { clientMessageSchema } from "./protocol/clientMessages.js";
export {
  type BinaryHeader,
  binaryHeaderSchema,
  type CellsMessage,
  type CountsMessage,
  type DensityHeader,
  type FrameHeader,
  type HelloMessage,
  type ServerMessage,
  type StatusMessage,
  serverMessageSchema,
  type TaxonomyMessage,
  type Topic,
} from "./protocol/serverMessages.js";
export { createPublication, type Publication, type PublicationOptions, streamPath } from "./publication.js";
export type { PublicationStats } from "./stats.js";
