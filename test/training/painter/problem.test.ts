import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRandom, type Random } from "../../../src/core/index.js";
import {
  onnxruntimeEngine,
  type ParameterState,
  type TrainingProblem,
  type TrainingRun,
} from "../../../src/engine/index.js";
import { gradients, serialise } from "../../../src/engine/onnx/index.js";
import { type PainterMove, painterProblems } from "../../../src/training/painter/problem.js";
import { painterKinds } from "../../../src/training/painter/settings.js";
import { openModel, type Tensors, tensor } from "../../engine/onnx/runGraph.js";
import { gradientGap } from "../directions.js";
import { settingsOf, toyBatch } from "./toyPainting.js";

const bits = (states: Readonly<Record<string, ParameterState>>): string =>
  Object.values(states)
    .flatMap((state) => [state.parameters, state.firstMoment, state.secondMoment, state.average, state.statistics])
    .map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength).toString("base64"))
    .join(" ");

/** A player's loss and its gradient by the flat vector, as a model. */
const gradientModel = ({ graph, players }: TrainingProblem): Uint8Array =>
  graph.temporarily(() => {
    const [{ loss, parameters }] = players as [TrainingProblem["players"][number]];
    graph.output("gradient", gradients(graph, loss, [parameters.input])[0]!);
    graph.output("loss", loss);
    return serialise(graph);
  });

const tensorsOf = ({ feeds }: PainterMove, states: Readonly<Record<string, ParameterState>>): Tensors => ({
  ...Object.fromEntries(
    Object.entries(feeds).map(([name, { shape, data }]) => [name, { dims: shape, data: data as Float32Array }]),
  ),
  ...Object.fromEntries(
    Object.entries(states).map(([name, { parameters }]) => [name, tensor([parameters.length], parameters)]),
  ),
});

describe.each(painterKinds)("the training of %s", (kind) => {
  const random = createRandom(11);
  const training = painterProblems(settingsOf(kind));
  const initial = training.initialise(random);
  const toys = toyBatch(random);
  let run: TrainingRun;
  beforeAll(async () => {
    run = await onnxruntimeEngine({ intraOpThreads: 1 }).load(training.problems, initial);
  });
  afterAll(() => run[Symbol.asyncDispose]());

  /** Steps of both players; the losses of each step. */
  const steps = async (count: number, dice: Random, learningRate = 0.003) => {
    const losses: Record<string, number>[] = [];
    for (let taken = 0; taken < count; taken += 1) {
      const found: Record<string, number> = {};
      for (const move of training.moves(toys, dice)) {
        Object.assign(found, (await run.step({ ...move, learningRate, averageDecay: 0.9 })).losses);
      }
      losses.push(found);
    }
    return losses;
  };

  it("has the gradients that finite differences have, of both players", async () => {
    for (const [index, move] of training.moves(toys, createRandom(12)).entries()) {
      const problem = training.problems[index]!;
      await using opened = await openModel(gradientModel(problem));
      const set = problem.players[0]!.parameters.name;
      const gap = await gradientGap(opened, tensorsOf(move, initial), set, { random, step: 0.0005 });
      // The loss is a float32 and has kinks (rectifiers, absolute values, maxima).
      expect(gap, move.problem).toBeLessThan(0.01);
    }
  });

  it("moves one player at a time, and both losses the right way", async () => {
    await run.writeState(initial);
    const dice = createRandom(13);
    const [critic, painter] = training.moves(toys, dice) as [PainterMove, PainterMove];
    const rates = { learningRate: 0.003, averageDecay: 0.9 };
    const take = async (move: PainterMove) => (await run.step({ ...move, ...rates })).losses;
    const judged: Record<string, number>[] = [];
    for (let step = 0; step < 12; step += 1) judged.push(await take(critic));
    expect(judged.at(-1)!.critic).toBeLessThan(judged[0]!.critic!);
    expect(judged.at(-1)!["critic.real"]).toBeGreaterThan(judged.at(-1)!["critic.painted"]!);
    let states = await run.readState();
    expect(bits({ painter: states.painter! })).toBe(bits({ painter: initial.painter! }));
    const before = bits({ critic: states.critic! });
    const painted: Record<string, number>[] = [];
    for (let step = 0; step < 12; step += 1) painted.push(await take(painter));
    expect(painted.at(-1)!.painter).toBeLessThan(painted[0]!.painter!);
    states = await run.readState();
    expect(bits({ critic: states.critic! })).toBe(before);
    expect([states.critic!.steps, states.painter!.steps]).toEqual([12, 12]);
  });

  it("goes on bit for bit from a state that was kept, with the random numbers of that place", async () => {
    await run.writeState(initial);
    const dice = createRandom(14);
    await steps(3, dice);
    const kept = { states: await run.readState(), dice: dice.state() };
    const on = await steps(3, dice);
    const expected = bits(await run.readState());
    await run.writeState(kept.states);
    const again = createRandom(0);
    again.restore(kept.dice);
    expect(await steps(3, again)).toEqual(on);
    expect(bits(await run.readState())).toBe(expected);
  });

  it("reports the losses that it weighs, in a sum", async () => {
    await run.writeState(initial);
    const [losses] = await steps(1, createRandom(15));
    const { weights } = settingsOf(kind);
    const used = Object.entries(weights).filter(([, weight]) => weight > 0);
    const known = ["critic", "critic.real", "critic.painted", "painter", ...used.map(([name]) => name)];
    expect(Object.keys(losses!).sort()).toEqual(known.sort());
    const sum = used.reduce((total, [name, weight]) => total + weight * losses![name]!, 0);
    expect(losses!.painter! / sum).toBeCloseTo(1, 5);
  });
});

describe("a painter", () => {
  it("learns to paint the toy: the likeness falls, step about with the discriminator", async () => {
    const random = createRandom(21);
    const training = painterProblems(settingsOf("mcgan"));
    await using run = await onnxruntimeEngine({ intraOpThreads: 1 }).load(
      training.problems,
      training.initialise(random),
    );
    const likeness: number[] = [];
    for (let step = 0; step < 40; step += 1) {
      for (const move of training.moves(toyBatch(random), random)) {
        const { losses } = await run.step({ ...move, learningRate: 0.01, averageDecay: 0.9 });
        if (losses.likeness !== undefined) likeness.push(losses.likeness);
      }
    }
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(mean(likeness.slice(-5))).toBeLessThan(0.5 * mean(likeness.slice(0, 5)));
  });

  it("has no discriminator where L_CGAN weighs nothing, and no judge where none is given", () => {
    const settings = settingsOf("mcgan");
    const weights = { ...settings.weights, adversarial: 0 };
    const alone = painterProblems({ ...settings, weights, judge: undefined });
    expect(alone.problems.map(({ name }) => name)).toEqual(["painter"]);
    expect(alone.critic).toBeUndefined();
    expect(Object.keys(alone.initialise(createRandom(1)))).toEqual(["painter"]);
    const [move] = alone.moves(toyBatch(createRandom(1)), createRandom(1));
    expect(Object.keys(move!.feeds).sort()).toEqual(["masks", "pictures", "stain"]);
    expect(Object.keys(alone.problems[0]!.losses).sort()).toEqual(["gradientSimilarity", "likeness", "painter"]);
  });

  it("without any loss is refused", () => {
    const weights = { adversarial: 0, likeness: 0, gradientSimilarity: 0, cellClass: 1 };
    const refuse = () => painterProblems({ ...settingsOf("mcgan"), weights, judge: undefined });
    expect(refuse).toThrowError(expect.objectContaining({ code: "INTERNAL" }));
  });

  it("takes Adam with 0.5 and 0.999, the discriminator at a fifth of the rate", () => {
    const { problems } = painterProblems(settingsOf("pix2pix"));
    const players = problems.map(({ players: [player] }) => player!);
    expect(players.map(({ ratePart = 1 }) => ratePart)).toEqual([0.2, 1]);
    for (const { optimiser } of players) expect(optimiser).toMatchObject({ beta1: 0.5, beta2: 0.999 });
  });
});
