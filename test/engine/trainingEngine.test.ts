import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRandom, spawnWorker } from "../../src/core/index.js";
import { type Feed, onnxruntimeEngine, type ParameterState, type TrainingRun } from "../../src/engine/index.js";
import { WorkerRun } from "../../src/engine/thread/workerRun.js";
import { engines } from "./engines.js";
import { features, plainAdam, regression, regressionFeeds, samples } from "./regression.js";

const { problem, parameters } = regression("regression", plainAdam);
const initial = { line: parameters.initialise(createRandom(1)) };
const code = (name: string) => expect.objectContaining({ name: "CytoError", code: name });

const batch = (seed: number): Readonly<Record<string, Feed>> => {
  const random = createRandom(seed);
  const normal = (length: number) => Float32Array.from({ length }, () => random.normal());
  return regressionFeeds(normal(samples * features), normal(samples));
};
const rates = { learningRate: 0.1, averageDecay: 0.5 };
const request = (feeds: Readonly<Record<string, Feed>>) => ({ problem: "regression", feeds, ...rates });

describe.each(engines)("$title", ({ engine, present }) => {
  describe.skipIf(!present)("a training in its thread", () => {
    let run: TrainingRun;
    beforeAll(async () => {
      run = await engine.load([problem], initial);
    });
    afterAll(() => run[Symbol.asyncDispose]());

    it("gives back the state that it got, bit for bit", async () => {
      expect(await run.readState()).toEqual(initial);
      const random = createRandom(2);
      const noise = (length: number) => Float32Array.from({ length }, () => random.normal() * 1e-30);
      const state: ParameterState = {
        parameters: noise(4),
        firstMoment: noise(4),
        secondMoment: noise(4),
        average: noise(4),
        statistics: noise(3),
        steps: 1234,
      };
      await run.writeState({ line: state });
      expect(await run.readState()).toEqual({ line: state });
    });

    it("takes the same steps from the same state, also when asked for all at once", async () => {
      const seeds = [1, 2, 3, 4, 5];
      await run.writeState(initial);
      for (const seed of seeds) await run.step(request(batch(seed)));
      const oneByOne = await run.readState();
      await run.writeState(initial);
      const results = await Promise.all(seeds.map((seed) => run.step(request(batch(seed)))));
      expect(await run.readState()).toEqual(oneByOne);
      expect(oneByOne.line!.steps).toBe(5);
      expect(results.every(({ losses }) => Number.isFinite(losses.loss))).toBe(true);
    });

    it.each([Number.NaN, Number.POSITIVE_INFINITY, 1e30])(
      "keeps its state where a step diverges: %d",
      async (value) => {
        await run.writeState(initial);
        await run.step(request(batch(1)));
        const before = await run.readState();
        const feeds = batch(2);
        (feeds.x!.data as Float32Array)[1] = value;
        await expect(run.step(request(feeds))).rejects.toEqual(code("TRAINING_DIVERGED"));
        expect(await run.readState()).toEqual(before);
        await run.step(request(batch(2)));
      },
    );

    it("names a problem that is not there, feeds that do not fit and feeds that cannot be posted, and goes on", async () => {
      await expect(run.step({ ...request(batch(1)), problem: "other" })).rejects.toEqual(code("INTERNAL"));
      const feeds = { ...batch(1), x: { ...batch(1).x!, shape: [1, 2] } };
      await expect(run.step(request(feeds))).rejects.toEqual(code("INTERNAL"));
      await expect(run.step(request({ x: batch(1).x! }))).rejects.toEqual(code("INTERNAL"));
      await expect(run.step(request(new Proxy({}, {})))).rejects.toEqual(code("INTERNAL"));
      await run.step(request(batch(1)));
    });

    it("refuses a state of another network", async () => {
      const { line } = initial;
      const before = await run.readState();
      for (const state of [
        { line: { ...line, parameters: new Float32Array(5) } },
        { line: { ...line, average: new Float32Array(3) } },
        { line: { ...line, statistics: new Float32Array(0) } },
        { curve: line },
      ]) {
        await expect(run.writeState(state)).rejects.toEqual(code("CHECKPOINT_INVALID"));
      }
      expect(await run.readState()).toEqual(before);
    });
  });

  describe.skipIf(!present)("loading", () => {
    it("needs a state for every parameter set, of its lengths", async () => {
      await expect(engine.load([problem], {})).rejects.toEqual(code("INTERNAL"));
      const state = { ...initial.line, firstMoment: new Float32Array(1) };
      await expect(engine.load([problem], { line: state })).rejects.toEqual(code("CHECKPOINT_INVALID"));
    });

    it("needs problems that agree on the parameter sets which they share", async () => {
      const other = regression("other", plainAdam);
      other.parameters.parameter("more", [2], { kind: "constant", value: 0 }, true);
      await expect(engine.load([problem, other.problem], initial)).rejects.toEqual(code("INTERNAL"));
    });
  });

  describe.skipIf(!present)("disposal", () => {
    it("lets the steps asked for finish, can be asked for again, and answers later calls with a code", async () => {
      const run = await engine.load([problem], initial);
      const pending = run.step(request(batch(1)));
      await Promise.all([run[Symbol.asyncDispose](), run[Symbol.asyncDispose]()]);
      expect((await pending).losses.loss).toBeGreaterThan(0);
      await run[Symbol.asyncDispose]();
      await expect(run.step(request(batch(1)))).rejects.toEqual(code("INTERNAL"));
      await expect(run.readState()).rejects.toEqual(code("INTERNAL"));
    });
  });
});

describe("onnxruntime", () => {
  it("names an execution provider that is not there", async () => {
    const other = onnxruntimeEngine({ executionProviders: ["abacus"] });
    await expect(other.load([problem], initial)).rejects.toEqual(code("PROVIDER_UNAVAILABLE"));
  });
});

describe("the thread", () => {
  it.each(["exiting", "throwing"])("follows a crash of the thread, which every call learns of: %s", async (kind) => {
    const run = new WorkerRun(spawnWorker(new URL(`./thread/${kind}Worker.js`, import.meta.url)), new Map());
    await run.opened();
    const calls = [run.readState(), run.step(request(batch(1))), run.readState()];
    for (const outcome of await Promise.allSettled(calls)) {
      expect(outcome).toEqual({ status: "rejected", reason: code("INTERNAL") });
    }
    await expect(run.readState()).rejects.toEqual(code("INTERNAL"));
    await run[Symbol.asyncDispose]();
    await run[Symbol.asyncDispose]();
  });
});
