import fc from "fast-check";
import { expect, it } from "vitest";
import { CytoError, type ErrorCode } from "../../src/core/index.js";
import { createScanDesk, type ScanRecord } from "../../src/scan/index.js";
import { newFolder, settled } from "./scanning.js";
import { type ToyMicroscope, toyMicroscope, toyRequest, toySlide } from "./toyMicroscope.js";

const slide = toySlide(51);
const request = toyRequest({
  plan: { kind: "serpentine", region: { left: 0, top: 0, width: 210, height: 150 }, overlap: 0.2 },
});

const steps = [
  "start",
  "pause",
  "resume",
  "abort",
  "stop",
  "release",
  "stage lost",
  "camera lost",
  "mended",
  "detector fails",
  "reopened",
  "home",
  "waited",
] as const;
type Step = (typeof steps)[number];

/** What a person may be told who asks for it at the wrong moment. */
const refusals: readonly ErrorCode[] = [
  "SCAN_RUNNING",
  "SCAN_ENDED",
  "SCAN_NOT_FOUND",
  "STAGE_STOPPED",
  "STAGE_BUSY",
  "STAGE_DISCONNECTED",
  "SHUTTING_DOWN",
];

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
};

/** A laboratory in which things happen. */
class Laboratory {
  readonly #folder: string;
  #toy: ToyMicroscope;
  #desk;
  #failing = false;
  #stopped = false;

  constructor(folder: string) {
    this.#folder = folder;
    [this.#toy, this.#desk] = this.#open();
  }

  get desk() {
    return this.#desk;
  }

  #open(): [ToyMicroscope, ReturnType<typeof createScanDesk>] {
    const toy = toyMicroscope(this.#folder, slide);
    const { detect } = toy.options;
    const failing = () => this.#failing;
    const options = {
      ...toy.options,
      detect: async (...given: Parameters<typeof detect>) => {
        if (failing()) throw new CytoError("DETECTION_FAILED", "failing");
        return detect(...given);
      },
    };
    return [toy, createScanDesk(options)];
  }

  /** The newest scan. */
  async #id(): Promise<string> {
    return (await this.#desk.list())[0]?.id ?? "20260101-000000000-abcdef";
  }

  /** @param alone whether nothing else is under way that may move, or release the stage */
  async act(step: Step, alone = true): Promise<void> {
    const moves = this.#toy.stage.moves.length;
    const wasStopped = this.#stopped && alone;
    await this.#do(step).catch((error: CytoError) => expect(refusals).toContain(error.code));
    if (wasStopped && step !== "release" && step !== "reopened") expect(this.#toy.stage.moves.length).toBe(moves);
    expect((await this.#desk.list()).filter(({ state }) => state === "running").length).toBeLessThanOrEqual(1);
  }

  async #do(step: Step): Promise<unknown> {
    const { stage, camera } = this.#toy;
    switch (step) {
      case "start":
        return this.#desk.start(request);
      case "pause":
        return this.#desk.pause(await this.#id());
      case "resume":
        return this.#desk.resume(await this.#id());
      case "abort":
        return this.#desk.abort(await this.#id(), "Ada");
      case "stop":
        this.#stopped = true;
        return this.#desk.stage({ action: "stop" }, "Ada");
      case "release":
        this.#stopped = false;
        return this.#desk.stage({ action: "release" }, "Ada");
      case "stage lost":
        stage.fault = "STAGE_DISCONNECTED";
        return;
      case "camera lost":
        camera.fault = "CAMERA_STALE";
        return;
      case "mended":
        return this.mend();
      case "detector fails":
        this.#failing = true;
        return;
      case "reopened":
        await this.#desk[Symbol.asyncDispose]();
        this.#stopped = false;
        [this.#toy, this.#desk] = this.#open();
        return;
      case "home":
        return this.#desk.stage({ action: "home" }, "Ada");
      case "waited":
        return turns(30);
    }
  }

  mend(): void {
    this.#toy.stage.fault = undefined;
    this.#toy.camera.fault = undefined;
    this.#failing = false;
  }

  /** All is well again, and everything that can go on does. */
  async finish(): Promise<readonly ScanRecord[]> {
    this.mend();
    await this.act("release");
    for (const { id } of await this.#desk.list()) await settled(this.#desk, id);
    for (const { id, state } of await this.#desk.list()) {
      if (state !== "paused") continue;
      await this.#desk.resume(id);
      await settled(this.#desk, id);
    }
    return this.#desk.list();
  }
}

it("whatever happens, in any order: one scan at a time, no move while stopped, and what goes on ends with the same counts", async () => {
  await using undisturbed = createScanDesk(toyMicroscope(await newFolder(), slide).options);
  const { id } = await undisturbed.start(request);
  const expected = await settled(undisturbed, id);
  const step = fc.record({ step: fc.constantFrom(...steps), turns: fc.nat(12), awaited: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 16 }), async (course) => {
      const laboratory = new Laboratory(await newFolder());
      await laboratory.act("start");
      let acting: Promise<void>[] = [];
      for (const { step, turns: pause, awaited } of course) {
        await turns(pause);
        // A desk that is exchanged for another is not used meanwhile.
        if (step === "reopened") await Promise.all(acting);
        acting.push(laboratory.act(step, acting.length === 0));
        if (!awaited && step !== "reopened") continue;
        await Promise.all(acting);
        acting = [];
      }
      await Promise.all(acting);
      const records = await laboratory.finish();
      await laboratory.desk[Symbol.asyncDispose]();
      for (const { state, counts, fieldsDone } of records) {
        expect(["complete", "aborted"]).toContain(state);
        if (state !== "complete") continue;
        expect(fieldsDone).toBe(expected.fieldsPlanned);
        expect(counts).toEqual(expected.counts);
      }
    }),
    { numRuns: 10 },
  );
});
