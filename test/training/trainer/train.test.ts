import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { CytoError, createRandom, type RandomState, spawnWorker } from "../../../src/core/index.js";
import { onnxruntimeEngine, type TrainingRun } from "../../../src/engine/index.js";
import { WorkerRun } from "../../../src/engine/onnxruntime/trainingEngine.js";
import {
  checkpointPath,
  readCheckpoint,
  type StepReport,
  type StepSource,
  type TrainingPlan,
  train,
} from "../../../src/training/trainer/index.js";
import { features, plainAdam, regression, regressionFeeds, samples } from "../../engine/regression.js";

const optimiser = { ...plainAdam, weightDecay: 0.01, clipNorm: 0.5 };
const { problem, parameters } = regression("regression", optimiser);
const initial = { line: parameters.initialise(createRandom(4)) };
const schedule = { learningRate: 0.05, warmupSteps: 3, finalPart: 0.01, averageDecay: 0.9 };
const code = (name: string) => expect.objectContaining({ name: "CytoError", code: name });

/** Noisy points of a line; `broken` is the number of the batch that holds a NaN. */
class Points implements StepSource {
  readonly #random = createRandom(9);
  #made = 0;

  constructor(readonly broken = Number.POSITIVE_INFINITY) {}

  next() {
    this.#made += 1;
    const x = Float32Array.from({ length: samples * features }, () => this.#random.normal());
    const y = Float32Array.from({ length: samples }, (_, row) => 2 * x[row * features]! + 0.1 * this.#random.normal());
    if (this.#made === this.broken) y[0] = Number.NaN;
    return [{ problem: "regression", feeds: regressionFeeds(x, y) }];
  }

  state() {
    return { made: this.#made, random: this.#random.state() };
  }

  restore(state: unknown): void {
    const { made, random } = state as { readonly made: number; readonly random: RandomState };
    this.#made = made;
    this.#random.restore(random);
  }
}

describe("a training", () => {
  let run: TrainingRun;
  let directory: string;
  beforeAll(async () => {
    run = await onnxruntimeEngine({ intraOpThreads: 1 }).load([problem], initial);
  });
  afterAll(() => run[Symbol.asyncDispose]());
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "cytostream-train-"));
    await run.writeState(initial);
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const plan = (changes: Partial<TrainingPlan> = {}): TrainingPlan => ({
    run,
    source: new Points(),
    duration: { steps: 12 },
    schedule,
    directory,
    checkpointEveryMs: Number.POSITIVE_INFINITY,
    fingerprint: "same",
    resume: false,
    report: () => undefined,
    ...changes,
  });
  /** Ends the training after so many steps, as a user would. */
  const stopAfter = (steps: number, reports: StepReport[] = []) => {
    const controller = new AbortController();
    const report = (entry: StepReport) => {
      reports.push(entry);
      if (entry.steps === steps) controller.abort();
    };
    return { signal: controller.signal, report };
  };
  const saved = async () => (await readCheckpoint(checkpointPath(directory), "same"))!;

  it("that is stopped and resumed ends as one that was not, bit for bit", async () => {
    const whole: StepReport[] = [];
    const outcome = await train(plan({ report: (entry) => whole.push(entry) }));
    expect(outcome).toMatchObject({ steps: 12, finished: true });
    const expected = await saved();

    const parts: StepReport[] = [];
    await run.writeState(initial);
    expect(await train(plan(stopAfter(5, parts)))).toMatchObject({ steps: 5, finished: false });
    await run.writeState({ line: { ...initial.line, parameters: new Float32Array(4).fill(99), steps: 77 } });
    expect(await train(plan({ resume: true, ...stopAfter(6, parts) }))).toMatchObject({ steps: 6 });
    // A new thread knows nothing but the checkpoint.
    await using other = await onnxruntimeEngine({ intraOpThreads: 1 }).load([problem], initial);
    const rest = { run: other, resume: true, report: (entry: StepReport) => void parts.push(entry) };
    expect(await train(plan(rest))).toMatchObject({ steps: 12, finished: true });

    const found = await saved();
    expect({ ...found, elapsedMs: 0 }).toEqual({ ...expected, elapsedMs: 0 });
    expect(found.states.line!.steps).toBe(12);
    const course = (reports: readonly StepReport[]) =>
      reports.map(({ steps, learningRate, losses, gradientNorms }) => ({ steps, learningRate, losses, gradientNorms }));
    expect(course(parts)).toEqual(course(whole));
    expect(await other.readState()).toEqual(found.states);
  });

  it("reports each step with its part of the whole and its rate", async () => {
    const reports: StepReport[] = [];
    await train(plan({ duration: { steps: 4 }, report: (entry) => reports.push(entry) }));
    expect(reports.map(({ steps, done }) => [steps, done])).toEqual([
      [1, 0.25],
      [2, 0.5],
      [3, 0.75],
      [4, 1],
    ]);
    expect(reports[0]!.learningRate).toBeCloseTo(schedule.learningRate / 3, 12);
    expect(reports.every(({ stepMs, elapsedMs }) => stepMs >= 0 && elapsedMs >= stepMs)).toBe(true);
  });

  it("keeps a checkpoint as often as asked for", async () => {
    // The checkpoint of the step before is on the disk when a step is reported, and is replaced after it.
    const reading: Promise<{ readonly steps: number; readonly found: number | undefined }>[] = [];
    const report = ({ steps }: StepReport) => {
      const reads = readCheckpoint(checkpointPath(directory), "same");
      reading.push(reads.then((entry) => ({ steps, found: entry?.steps })));
    };
    await train(plan({ duration: { steps: 3 }, checkpointEveryMs: -1, report }));
    for (const { steps, found } of (await Promise.all(reading)).slice(1)) expect([steps - 1, steps]).toContain(found);
    expect((await saved()).steps).toBe(3);
  });

  it("lasts as many minutes as asked for, its preparation included", async () => {
    expect(await train(plan({ duration: { minutes: 1e-4 } }))).toMatchObject({ finished: true });
    expect(await train(plan({ duration: { minutes: 1 }, preparationMs: 60_001 }))).toMatchObject({
      steps: 0,
      finished: true,
    });
  });

  it("that was stopped before it began leaves a checkpoint of its start", async () => {
    expect(await train(plan({ signal: AbortSignal.abort() }))).toMatchObject({ steps: 0, finished: false });
    expect((await saved()).states).toEqual(initial);
    const outcome = await train(plan({ resume: true }));
    expect(outcome).toMatchObject({ steps: 12, finished: true });
  });

  it("that diverges keeps the last good state, from which it goes on", async () => {
    await train(plan(stopAfter(3)));
    const good = await saved();
    await run.writeState(initial);
    await expect(train(plan({ source: new Points(4) }))).rejects.toEqual(code("TRAINING_DIVERGED"));
    expect({ ...(await saved()), elapsedMs: 0 }).toEqual({ ...good, elapsedMs: 0 });
    expect(await train(plan({ resume: true }))).toMatchObject({ steps: 12, finished: true });
  });

  it("does not save a state that its own update has taken out of the finite numbers", async () => {
    await train(plan(stopAfter(2)));
    const good = await readFile(checkpointPath(directory));
    const wild = { ...schedule, learningRate: Number.POSITIVE_INFINITY };
    const resumed = plan({ resume: true, schedule: wild, checkpointEveryMs: -1 });
    await expect(train(resumed)).rejects.toEqual(code("TRAINING_DIVERGED"));
    expect((await readFile(checkpointPath(directory))).equals(good)).toBe(true);
  });

  it("does not go on from a checkpoint of another training, and leaves that alone", async () => {
    await train(plan(stopAfter(2)));
    const before = await readFile(checkpointPath(directory));
    await expect(train(plan({ resume: true, fingerprint: "other" }))).rejects.toEqual(code("CHECKPOINT_INVALID"));
    expect((await readFile(checkpointPath(directory))).equals(before)).toBe(true);
    expect(await train(plan({ resume: false, fingerprint: "other" }))).toMatchObject({ steps: 12 });
  });

  it("shows its state now and then, and keeps no checkpoint of a state that is not believed in", async () => {
    const seen: number[] = [];
    const look = async (states: Awaited<ReturnType<TrainingRun["readState"]>>, steps: number) => {
      expect(states.line!.steps).toBe(steps);
      seen.push(steps);
    };
    const doubtful = plan({
      visit: { everySteps: 3, look },
      checkpointEveryMs: 0,
      isSound: ({ steps }) => {
        if (steps === 8) throw new CytoError("TRAINING_DIVERGED", "too sure");
        return steps < 5;
      },
    });
    await expect(train(doubtful)).rejects.toEqual(code("TRAINING_DIVERGED"));
    expect(seen).toEqual([3, 6]);
    expect(await saved()).toMatchObject({ steps: 4 });
  });

  it("goes on from the checkpoint before a damaged one, and says so", async () => {
    await train(plan({ checkpointEveryMs: 0, ...stopAfter(6) }));
    await writeFile(checkpointPath(directory), "damaged");
    const remarks: string[] = [];
    const rest = plan({ resume: true, remark: (text) => remarks.push(text) });
    expect(await train(rest)).toMatchObject({ steps: 12, finished: true });
    expect(remarks).toEqual([expect.stringContaining("the one before it is used")]);
  });

  it("starts anew where there is nothing to resume", async () => {
    expect(await train(plan({ resume: true }))).toMatchObject({ steps: 12, finished: true });
  });

  it("ends with the error of a source that has no more", async () => {
    class Ending extends Points {
      override next() {
        if (this.state().made === 2) throw new RangeError("no more");
        return super.next();
      }
    }
    await expect(train(plan({ source: new Ending() }))).rejects.toThrowError("no more");
    // The step that was under way, a diverging one, ends unheard.
    class BrokenEnding extends Ending {
      constructor() {
        super(2);
      }
    }
    await expect(train(plan({ source: new BrokenEnding() }))).rejects.toThrowError("no more");
    await run.readState();
  });

  it("whose thread crashes ends with a code and keeps the checkpoint before", async () => {
    await train(plan(stopAfter(2)));
    const before = await readFile(checkpointPath(directory));
    const worker = spawnWorker(new URL("../../engine/onnxruntime/exitingWorker.js", import.meta.url));
    await using crashing = new WorkerRun(worker, new Map());
    await crashing.opened();
    await expect(train(plan({ run: crashing }))).rejects.toEqual(code("INTERNAL"));
    expect((await readFile(checkpointPath(directory))).equals(before)).toBe(true);
  });
});
