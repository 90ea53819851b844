import type { Topic } from "./protocol/serverMessages.js";

/** A message ready to send; its bytes are shared by all clients. */
export interface Outgoing {
  readonly topic: Topic;
  readonly sequence: number;
  readonly data: Buffer;
  readonly binary: boolean;
}

/** What a client asked for with a topic. */
export interface TopicOptions {
  readonly maxRateHz?: number | undefined;
  /** frames: one of `frameWidths`. */
  readonly width?: number | undefined;
  /** frames: list the cells in the header. */
  readonly cells?: boolean | undefined;
  /** frames: send the density map, too. */
  readonly density?: boolean | undefined;
}

export type Subscriptions = ReadonlyMap<Topic, TopicOptions>;

export const textMessage = (topic: Topic, sequence: number, message: object): Outgoing => ({
  topic,
  sequence,
  data: Buffer.from(JSON.stringify(message), "utf8"),
  binary: false,
});
