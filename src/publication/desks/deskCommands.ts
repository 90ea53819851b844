import { randomBytes } from "node:crypto";
import { type Clock, CytoError } from "../../core/index.js";
import type { LabelReceipt } from "../../labels/index.js";
import type { AnswerWindow } from "../answerWindow.js";
import type { Client } from "../client.js";
import type { PublicationLog } from "../log.js";
import type { ClientMessage, DeskMessage } from "../protocol/clientMessages.js";
import { briefScan } from "../protocol/scans.js";
import { type DeskErrorCode, deskErrorCodes, type ServerMessage } from "../protocol/serverMessages.js";
import type { Desks } from "./desks.js";
import { briefJob } from "./deskTopics.js";
import { safeError } from "./safeError.js";

const isDeskCode = (code: string): code is DeskErrorCode => deskErrorCodes.some((known) => known === code);

const absent = (what: string): CytoError => new CytoError("NOT_FOUND", `This daemon has no ${what}.`);

const pause = (ms: number): Promise<void> =>
  ms === 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, ms).unref());

const labelled = ({ id, field, revision, repeated }: LabelReceipt): ServerMessage => ({
  type: "labelled",
  id,
  field,
  revision,
  repeated,
});

/** Whether a message asks the stage to halt. */
export const isStop = (message: ClientMessage): message is Extract<DeskMessage, { type: "microscope" }> =>
  message.type === "microscope" && message.stage.action === "stop";

/** Messages of clients that a desk answers: labels, fields to keep, trainings, models, scans. Each is answered exactly once. */
export class DeskCommands {
  readonly #desks: Desks;
  readonly #clock: Clock;
  readonly #log: PublicationLog;

  constructor(desks: Desks, { clock, log }: { readonly clock: Clock; readonly log: PublicationLog }) {
    this.#desks = desks;
    this.#clock = clock;
    this.#log = log;
  }

  obey(client: Client, message: DeskMessage): void {
    if (isStop(message)) {
      void this.#stop(client, message);
      return;
    }
    const window = message.type === "label" ? client.labels : client.commands;
    const perform = (): Promise<ServerMessage> => {
      if (!client.mayChange) throw new CytoError("ORIGIN_REFUSED", "A page of another site may look, not change.");
      return this.#perform(message);
    };
    void this.#answer(client, window, { id: message.id, perform });
  }

  /** Answers a label that does not fit; it takes its place in the window like the others. */
  refuseLabel(client: Client, id: string, reason: string): void {
    const perform = (): Promise<never> => Promise.reject(new CytoError("LABEL_INVALID", reason));
    void this.#answer(client, client.labels, { id, perform });
  }

  async #answer(
    client: Client,
    window: AnswerWindow,
    { id, perform }: { readonly id: string; readonly perform: () => Promise<ServerMessage> },
  ): Promise<void> {
    if (!window.enter()) {
      client.refuse("MESSAGE_RATE", "Too many messages without an answer.", id);
      return;
    }
    let answer: ServerMessage;
    try {
      answer = await perform();
    } catch (error) {
      answer = this.#failure(error, id);
    }
    await pause(window.delayMs(this.#clock.monotonic()));
    await client.answer(answer);
    window.leave();
  }

  async #perform(message: DeskMessage): Promise<ServerMessage> {
    if (message.type === "label") {
      const { type: _type, ...label } = message;
      return labelled(await this.#desk("labels").submit(label));
    }
    if (message.type === "keep") {
      const { id, frame, author } = message;
      return labelled(await this.#desk("keep")({ id, frame, author }));
    }
    if (message.type === "scan") return this.#scan(message);
    if (message.type === "microscope") return this.#microscope(message);
    if (message.type === "calibrate") {
      const { id, what, by } = message;
      return { type: "calibrated", id, report: await this.#desk("scans").calibrate(what, by) };
    }
    if (message.type === "focus") {
      const { id, by } = message;
      return { type: "focused", id, report: await this.#desk("scans").focus(by) };
    }
    return message.type === "job" ? this.#job(message) : this.#model(message);
  }

  async #scan({
    id,
    action,
    scan = "",
    request,
    by = "",
  }: Extract<DeskMessage, { type: "scan" }>): Promise<ServerMessage> {
    const scans = this.#desk("scans");
    if (action === "start") return { type: "scanState", id, scan: briefScan(await scans.start(request!)) };
    const changed = action === "abort" ? await scans.abort(scan, by) : await scans[action](scan);
    return { type: "scanState", id, scan: briefScan(changed) };
  }

  async #microscope({
    id,
    stage: { by, ...action },
  }: Extract<DeskMessage, { type: "microscope" }>): Promise<ServerMessage> {
    return { type: "microscopeState", id, microscope: await this.#desk("scans").stage(action, by) };
  }

  /** Halts the stage at once: before what waits, and whatever the client has asked for before. */
  async #stop(client: Client, message: Extract<DeskMessage, { type: "microscope" }>): Promise<void> {
    const entered = client.stops.enter();
    let answer: ServerMessage;
    try {
      if (!client.mayChange) throw new CytoError("ORIGIN_REFUSED", "A page of another site may look, not change.");
      answer = await this.#microscope(message);
    } catch (error) {
      answer = this.#failure(error, message.id);
    }
    if (!entered) {
      // Who asks without end and does not read must not fill the memory with answers.
      client.reply(answer);
      return;
    }
    await client.answer(answer);
    client.stops.leave();
  }

  async #job({ id, action, job = "", by = "" }: Extract<DeskMessage, { type: "job" }>): Promise<ServerMessage> {
    const jobs = this.#desk("jobs");
    const changed =
      action === "start"
        ? await jobs.start(by)
        : action === "cancel"
          ? await jobs.cancel(job)
          : await jobs.pause(job, action === "pause");
    return { type: "jobState", id, job: briefJob(changed) };
  }

  async #model(message: Extract<DeskMessage, { type: "model" }>): Promise<ServerMessage> {
    const { id, action, model = "", by, reason = "" } = message;
    const models = this.#desk("models");
    const promotion = action === "promote" ? await models.promote(model, by, reason) : await models.rollback(by);
    return { type: "promoted", id, promotion };
  }

  #desk<Name extends keyof Desks>(name: Name): NonNullable<Desks[Name]> {
    const desk = this.#desks[name];
    if (desk === undefined) throw absent(name === "keep" ? "way to keep fields" : name);
    return desk;
  }

  #failure(error: unknown, id: string): ServerMessage {
    const { code, message } = safeError(error);
    const correlationId = randomBytes(6).toString("hex");
    if (isDeskCode(code) && code !== "INTERNAL") return { type: "error", id, code, message, correlationId };
    this.#log.limited("publication.requestFailed", { error, correlationId });
    return { type: "error", id, code: "INTERNAL", message: safeError(undefined).message, correlationId };
  }
}
