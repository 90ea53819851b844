import { z } from "zod";
import { type Clock, CytoError } from "../core/index.js";
import type { Client } from "./client.js";
import { EncodedTopic } from "./encodedTopic.js";
import { encodeDensity, encodeFrame } from "./encodePictures.js";
import { FieldMap } from "./fieldMap.js";
import type { CellsInput, CountsInput, DensityInput, FrameInput, PublicationInput, StatusInput } from "./input.js";
import { type Outgoing, textMessage } from "./outgoing.js";
import { countsMessageSchema, statusMessageSchema, type Topic } from "./protocol/serverMessages.js";
import { cellsMessage, fieldMessage, withoutCredentials } from "./serialise.js";
import { increment, type PublicationStats } from "./stats.js";

export interface TopicBoardOptions {
  readonly clock: Clock;
  readonly stats: PublicationStats;
  readonly clients: () => Iterable<Client>;
  readonly onEncodeError: (topic: Topic, error: unknown) => void;
}

type TextTopic = "status" | "counts" | "cells";

/** The newest message of a text topic; written out when somebody wants it. */
interface Newest {
  readonly sequence: number;
  readonly outgoing: () => Outgoing;
}

const countsInputSchema = countsMessageSchema.omit({ sequence: true, publishedAtMs: true });
const statusInputSchema = statusMessageSchema.omit({ sequence: true, publishedAtMs: true });

/** @throws CytoError INTERNAL where what is to be published does not fit the protocol */
const fitting = <T>(schema: z.ZodType<T>, input: PublicationInput): T => {
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
  readonly #density: EncodedTopic<DensityInput>;
  readonly fields = new FieldMap();
  #counts: CountsInput | undefined;
  #stale = false;

  constructor(options: TopicBoardOptions) {
    this.#options = options;
    const { clock, stats, clients } = options;
    const envelope = (sequence: number) => ({ sequence, publishedAtMs: clock.now() });
    this.#frames = new EncodedTopic({
      topic: "frames",
      clock,
      stats,
      clients,
      variant: ({ width, cells }) => `${width} ${cells}`,
      encode: (input, sequence, wanted) => encodeFrame(input, envelope(sequence), wanted),
      onError: (error) => options.onEncodeError("frames", error),
    });
    this.#density = new EncodedTopic({
      topic: "density",
      clock,
      stats,
      clients,
      variant: () => "",
      encode: (input, sequence) => encodeDensity(input, envelope(sequence)),
      onError: (error) => options.onEncodeError("density", error),
    });
  }

  /** @throws CytoError INTERNAL where counts or status do not fit the protocol */
  publish(input: PublicationInput): void {
    if (input.type === "counts") this.#publishCounts(fitting(countsInputSchema, input));
    else if (input.type === "status") this.#publishStatus(fitting(statusInputSchema, input));
    else if (input.type === "cells") this.#publishCells(input);
    else if (input.type === "frame") this.#frames.publish(input);
    else this.#density.publish(input);
  }

  /** Number of the newest message of a topic, 0 before the first. */
  sequence(topic: Topic): number {
    if (topic === "frames") return this.#frames.sequence;
    if (topic === "density") return this.#density.sequence;
    return this.#newest.get(topic)?.sequence ?? 0;
  }

  /** Whether the newest message of a topic can be sent to one who comes now. */
  available(topic: Topic): boolean {
    if (topic === "frames") return this.#frames.available;
    if (topic === "density") return this.#density.available;
    return this.#newest.has(topic);
  }

  /** The newest message of a text topic. */
  newest(topic: TextTopic): Outgoing | undefined {
    return this.#newest.get(topic)?.outgoing();
  }

  /** Sends a client the newest of a topic, unless it knows it. */
  serve(client: Client, topic: Topic): void {
    if (topic === "frames" || topic === "density") {
      this.tick();
      return;
    }
    const newest = this.newest(topic);
    if (newest !== undefined) client.offer(newest);
  }

  /** Serves pictures to whoever has become ready for them. */
  tick(): void {
    this.#frames.tick();
    this.#density.tick();
  }

  close(): void {
    this.#frames.close();
    this.#density.close();
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

  #publishCounts(counts: CountsInput): void {
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
    const { clock, stats, clients } = this.#options;
    const sequence = this.sequence(topic) + 1;
    const publishedAtMs = clock.now();
    const outgoing = once(() => textMessage(topic, sequence, { type: topic, sequence, publishedAtMs, ...body() }));
    this.#newest.set(topic, { sequence, outgoing });
    increment(stats.published, topic);
    for (const client of clients()) {
      if (client.options(topic) !== undefined) client.offer(outgoing());
    }
  }
}
