import { z } from "zod";
import { type Clock, CytoError } from "../core/index.js";
import type { Client } from "./client.js";
import { countsMessage } from "./countsMessage.js";
import type { DeskBody } from "./desks/deskTopics.js";
import { EncodedTopic } from "./encodedTopic.js";
import { encodeFrame } from "./encodeFrame.js";
import { FieldMap } from "./fieldMap.js";
import type { CellsInput, FrameInput, PublicationInput, StatusInput } from "./input.js";
import { type Outgoing, textMessage } from "./outgoing.js";
import type { StreamLimits } from "./protocol/limits.js";
import {
  alertsMessageSchema,
  countsMessageSchema,
  jobsMessageSchema,
  labelsMessageSchema,
  modelsMessageSchema,
  scansMessageSchema,
  statusMessageSchema,
  type Topic,
} from "./protocol/serverMessages.js";
import { cellsMessage, fieldMessage, withoutCredentials } from "./serialise.js";
import type { Tally } from "./tally.js";

export interface TopicBoardOptions {
  readonly clock: Clock;
  readonly tally: Tally;
  readonly limits: StreamLimits;
  readonly clients: () => Iterable<Client>;
  readonly onEncodeError: (error: unknown) => void;
}

type TextTopic = Exclude<Topic, "frames">;

/** The newest message of a text topic; written out when somebody wants it. */
interface Newest {
  readonly sequence: number;
  readonly outgoing: () => Outgoing;
}

const withoutEnvelope = { sequence: true, publishedAtMs: true } as const;
const countsInputSchema = countsMessageSchema.omit(withoutEnvelope);
type CountsBody = z.infer<typeof countsInputSchema>;
const statusInputSchema = statusMessageSchema.omit(withoutEnvelope);

const deskSchemas = {
  alerts: alertsMessageSchema.omit(withoutEnvelope),
  labels: labelsMessageSchema.omit(withoutEnvelope),
  jobs: jobsMessageSchema.omit(withoutEnvelope),
  models: modelsMessageSchema.omit(withoutEnvelope),
  scans: scansMessageSchema.omit(withoutEnvelope),
} as const;

/** @throws CytoError INTERNAL where what is to be published does not fit the protocol */
const fitting = <T>(schema: z.ZodType<T>, input: { readonly type: string }): T => {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw new CytoError("INTERNAL", `${input.type} do not fit the protocol: ${z.prettifyError(parsed.error)}`);
};

const once = <T>(make: () => T): (() => T) => {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
};

/** The newest message of each topic, numbered; hands new ones to the clients that want them. */
export class TopicBoard {
  readonly #options: TopicBoardOptions;
  readonly #newest = new Map<TextTopic, Newest>();
  readonly #frames: EncodedTopic<FrameInput>;
  readonly fields = new FieldMap();
  #counts: CountsBody | undefined;
  #stale = false;

  constructor(options: TopicBoardOptions) {
    this.#options = options;
    const { clock, tally, clients, limits } = options;
    const envelope = (sequence: number) => ({ sequence, publishedAtMs: clock.now() });
    this.#frames = new EncodedTopic({
      topic: "frames",
      clock,
      tally,
      clients,
      variant: ({ width, cells, density }) => `${width} ${cells} ${density}`,
      encode: (input, sequence, wanted) => encodeFrame(input, envelope(sequence), { ...wanted, limits }),
      onError: (error) => options.onEncodeError(error),
    });
  }

  /** @throws CytoError INTERNAL where counts, status or alerts do not fit the protocol */
  publish(input: PublicationInput): void {
    if (input.type === "counts") this.#publishCounts(fitting(countsInputSchema, countsMessage(input)));
    else if (input.type === "status") this.#publishStatus(fitting(statusInputSchema, input));
    else if (input.type === "alerts") this.publishDesk(input);
    else if (input.type === "cells") this.#publishCells(input);
    else this.#frames.publish(input);
  }

  /**
   * Tells the newest state of a desk.
   * @throws CytoError INTERNAL where it does not fit the protocol
   */
  publishDesk(body: DeskBody): void {
    const fit = fitting<DeskBody>(deskSchemas[body.type], body);
    this.#publishText(body.type, () => fit);
  }

  /** Number of the newest message of a topic, 0 before the first. */
  sequence(topic: Topic): number {
    if (topic === "frames") return this.#frames.sequence;
    return this.#newest.get(topic)?.sequence ?? 0;
  }

  /** Whether the newest message of a topic can be sent to one who comes now. */
  available(topic: Topic): boolean {
    if (topic === "frames") return this.#frames.available;
    return this.#newest.has(topic);
  }

  /** The newest message of a text topic. */
  newest(topic: TextTopic): Outgoing | undefined {
    return this.#newest.get(topic)?.outgoing();
  }

  /** Sends a client the newest of a topic, unless it knows it. */
  serve(client: Client, topic: Topic): void {
    if (topic === "frames") {
      this.tick();
      return;
    }
    const newest = this.newest(topic);
    if (newest !== undefined) client.offer(newest);
  }

  /** Serves pictures to whoever has become ready for them. */
  tick(): void {
    this.#frames.tick();
  }

  close(): void {
    this.#frames.close();
  }

  #publishCells({ frame, placement, models, provider, cells }: CellsInput): void {
    const field = fieldMessage(frame, placement);
    this.fields.add(field);
    const named = ({ name, version }: { name: string; version: string }) => ({ name, version });
    const { detector, classifier } = models;
    this.#publishText("cells", () => ({
      simulated: frame.simulated,
      field,
      models: { detector: named(detector), ...(classifier === undefined ? {} : { classifier: named(classifier) }) },
      provider,
      ...cellsMessage(cells),
    }));
  }

  #publishCounts(counts: CountsBody): void {
    this.#counts = counts;
    this.#publishText("counts", () => ({ ...counts, stale: counts.stale || this.#stale }));
  }

  /** Counts are as old as the camera: when it falls silent or comes back, they are sent again with the new mark. */
  #publishStatus(status: StatusInput): void {
    const changed = status.stale !== this.#stale;
    this.#stale = status.stale;
    const camera = { ...status.camera, source: withoutCredentials(status.camera.source) };
    this.#publishText("status", () => ({ ...status, camera }));
    if (changed && this.#counts !== undefined) this.#publishCounts(this.#counts);
  }

  #publishText(topic: TextTopic, body: () => object): void {
    const { clock, tally, clients } = this.#options;
    const sequence = this.sequence(topic) + 1;
    const publishedAtMs = clock.now();
    const outgoing = once(() => textMessage(topic, sequence, { type: topic, sequence, publishedAtMs, ...body() }));
    this.#newest.set(topic, { sequence, outgoing });
    tally.published(topic);
    for (const client of clients()) {
      if (client.options(topic) !== undefined) client.offer(outgoing());
    }
  }
}
