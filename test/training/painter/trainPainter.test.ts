import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { onnxruntimeEngine, type TrainingEngine } from "../../../src/engine/index.js";
import { decodePicture } from "../../../src/pictures/index.js";
import { verifyModel } from "../../../src/registry/index.js";
import type { StepReport } from "../../../src/training/index.js";
import { openPainter, type PainterTraining, painterKinds, trainPainter } from "../../../src/training/painter/index.js";
import { requireMemory, trainingBytes } from "../../../src/training/painter/memory.js";
import { CollapseWatch } from "../../../src/training/painter/stepSource.js";
import { checkpointPath, readCheckpoint } from "../../../src/training/trainer/index.js";
import { temporaryFolders } from "../../registry/modelFixture.js";
import { writeSmearDataset } from "./smearDataset.js";
import { smallWidths } from "./untrainedPainter.js";

const temporaryFolder = temporaryFolders();
const code = (name: string, message = /./) =>
  expect.objectContaining({ name: "CytoError", code: name, message: expect.stringMatching(message) });

interface Watched {
  readonly reports: StepReport[];
  readonly stages: string[];
}

const requestOf = (
  folder: string,
  changes: Partial<PainterTraining> = {},
): PainterTraining & { readonly watched: Watched } => {
  const watched: Watched = { reports: [], stages: [] };
  const kind = changes.kind ?? "pix2pix";
  const patch = kind === "cgan" || kind === "pix2pix";
  return {
    kind,
    datasets: [join(folder, "smear")],
    out: join(folder, "out"),
    duration: { steps: 4 },
    seed: 1,
    resume: false,
    version: "0.2.0",
    engine: onnxruntimeEngine({ intraOpThreads: 1 }),
    command: "cytostream train",
    threads: 1,
    settings: {
      batch: 2,
      sidePx: 64,
      criticRatePart: kind === "cgan" ? 2 : 0.2,
      generator: { maskPlanes: 12, noisePlanes: kind === "cgan" ? 1 : 0, widths: smallWidths },
      discriminator: patch
        ? { kind: "patch", widths: [4, 4, 6, 6] }
        : { kind: "multiScale", widths: [2, 3, 3], features: 6 },
    },
    listener: {
      loaded: () => undefined,
      step: (report) => watched.reports.push(report),
      stage: (text) => watched.stages.push(text),
    },
    watched,
    ...changes,
  };
};

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

describe("the training of a painter", () => {
  it.each(painterKinds)("goes down its losses and leaves a sound model, samples and figures: %s", async (kind) => {
    const folder = await temporaryFolder();
    await writeSmearDataset(join(folder, "smear"));
    const steps = 30;
    const request = requestOf(folder, { kind, duration: { steps }, showEverySteps: 12, learningRate: 0.005 });
    const summary = await trainPainter(request);
    expect(summary).toMatchObject({ steps, finished: true, figures: { crops: 2 } });
    const { reports } = request.watched;
    const course = (name: string) => reports.map(({ losses }) => losses[name]!);
    const ratio = (name: string) => mean(course(name).slice(-6)) / mean(course(name).slice(0, 3));
    // Without a likeness there is only the game, which the quicker player wins.
    expect(ratio(kind === "cgan" ? "critic" : "likeness")).toBeLessThan(0.85);
    expect(course("critic.painted").every((value) => value >= 0 && value <= 1)).toBe(true);
    if (kind === "mcgan") expect(Math.max(...course("cellClass"))).toBeGreaterThan(0);
    const samples = (await readdir(join(request.out, "samples"))).sort();
    expect(samples).toEqual(["final.png", "step-000012.png", "step-000024.png"]);
    // Two crops side by side; real, mask, painted under one another; gaps of 4 px.
    expect(await decodePicture(join(request.out, "samples", "final.png"))).toMatchObject({ width: 140, height: 212 });
    const lines = (await readFile(join(request.out, "heldOut.jsonl"), "utf8")).trim().split("\n");
    expect(lines.map((line) => JSON.parse(line).steps)).toEqual([12, 24, 30]);
    expect(JSON.parse(lines[0]!).flat.psnr).toBeGreaterThan(10);
    const model = join(request.out, "model");
    expect((await verifyModel(model)).manifest).toMatchObject({ kind: "painter", name: kind, version: "0.2.0" });
    await using painter = await openPainter(model, { threads: 1 });
    expect(painter.sources.data).toEqual(["smear"]);
    expect(painter.sources.outlines.count("basophil") + painter.sources.outlines.count("lymphocyte")).toBeGreaterThan(
      0,
    );
    expect(painter.sources.stains.length).toBeGreaterThan(0);
    expect(await readFile(join(model, "card.md"), "utf8")).toContain("smear");
  });

  it("stopped and resumed ends as one that was not, bit for bit", async () => {
    const folder = await temporaryFolder();
    await writeSmearDataset(join(folder, "smear"));
    const kind = "mcgan";
    const whole = requestOf(folder, { kind, out: join(folder, "whole") });
    await trainPainter(whole);
    const stop = new AbortController();
    const first = requestOf(folder, { kind, signal: stop.signal });
    const { step } = first.listener;
    const stopping = (report: StepReport) => {
      step(report);
      if (report.steps === 2) stop.abort();
    };
    const stopped = await trainPainter({ ...first, listener: { ...first.listener, step: stopping } });
    expect(stopped).toMatchObject({ steps: 2, finished: false });
    const rest = requestOf(folder, { kind, resume: true });
    expect(await trainPainter(rest)).toMatchObject({ steps: 4, finished: true });
    const saved = async (out: string) => ({ ...(await readCheckpoint(checkpointPath(out)))!, elapsedMs: 0 });
    expect(await saved(join(folder, "out"))).toEqual(await saved(join(folder, "whole")));
    const losses = ({ watched }: { watched: Watched }) => watched.reports.map((report) => report.losses);
    expect([...losses(first), ...losses(rest)]).toEqual(losses(whole));
    const network = (out: string) => readFile(join(out, "model", "model.onnx"));
    expect((await network(join(folder, "out"))).equals(await network(join(folder, "whole")))).toBe(true);
  });

  it("is not resumed with another kind, seed, judge or data, and says what differs", async () => {
    const folder = await temporaryFolder();
    await writeSmearDataset(join(folder, "smear"));
    await writeSmearDataset(join(folder, "more"), { train: 2, val: 0, seed: 3 });
    await trainPainter(requestOf(folder, { kind: "mcgan", duration: { steps: 1 } }));
    const resumed = (changes: Partial<PainterTraining>) =>
      trainPainter(requestOf(folder, { kind: "mcgan", duration: { steps: 1 }, resume: true, ...changes }));
    const invalid = (message: RegExp) => code("CHECKPOINT_INVALID", message);
    await expect(resumed({ seed: 2 })).rejects.toEqual(invalid(/seed is 1 there and 2 here/));
    await expect(resumed({ weights: { likeness: 50 } })).rejects.toEqual(
      invalid(/settings\.weights\.likeness is 100 there and 50 here/),
    );
    await expect(resumed({ weights: { cellClass: 0 } })).rejects.toEqual(invalid(/judge is "[0-9a-f]+" there/));
    await expect(resumed({ datasets: [join(folder, "smear"), join(folder, "more")] })).rejects.toEqual(
      invalid(/data\.2/),
    );
    const kind = "pix2pix-md";
    const other = requestOf(folder, { kind, duration: { steps: 1 }, resume: true });
    await expect(trainPainter(other)).rejects.toEqual(invalid(/kind is "mcgan" there and "pix2pix-md" here/));
  });

  it("goes on from the checkpoint before where the newest is broken", async () => {
    const folder = await temporaryFolder();
    await writeSmearDataset(join(folder, "smear"));
    await trainPainter(requestOf(folder, { duration: { steps: 1 } }));
    const path = checkpointPath(join(folder, "out"));
    const bytes = await readFile(path);
    await writeFile(`${path}.before`, bytes);
    await writeFile(path, bytes.subarray(0, 5000));
    const request = requestOf(folder, { duration: { steps: 2 }, resume: true });
    expect(await trainPainter(request)).toMatchObject({ steps: 2, finished: true });
    expect(request.watched.stages).toContainEqual(expect.stringContaining("the one before it is used"));
  });

  it("starts from another painter's weights where it is told to", async () => {
    const folder = await temporaryFolder();
    await writeSmearDataset(join(folder, "smear"));
    await trainPainter(requestOf(folder, { duration: { steps: 1 }, out: join(folder, "first") }));
    const request = requestOf(folder, { duration: { steps: 0 }, from: join(folder, "first") });
    await trainPainter(request);
    const average = async (out: string) =>
      (await readCheckpoint(checkpointPath(join(folder, out))))!.states.painter!.average;
    expect(await average("out")).toEqual(await average("first"));
    await expect(trainPainter(requestOf(folder, { from: join(folder, "none") }))).rejects.toEqual(
      code("CHECKPOINT_INVALID"),
    );
  });

  it("ends with the step before where a loss is no number, and keeps that checkpoint", async () => {
    const folder = await temporaryFolder();
    await writeSmearDataset(join(folder, "smear"));
    await trainPainter(requestOf(folder, { duration: { steps: 2 } }));
    const plain = onnxruntimeEngine({ intraOpThreads: 1 });
    /** Feeds what is no number into the second move of the second step. */
    const engine: TrainingEngine = {
      ...plain,
      load: async (problems, initial) => {
        const run = await plain.load(problems, initial);
        let moves = 0;
        return new Proxy(run, {
          get: (target, key) => {
            const value = Reflect.get(target, key, target);
            if (key !== "step") return typeof value === "function" ? value.bind(target) : value;
            return (request: Parameters<typeof run.step>[0]) => {
              const { stain } = request.feeds;
              if (++moves === 4) stain!.data.fill(Number.NaN);
              return run.step(request);
            };
          },
        });
      },
    };
    const broken = requestOf(folder, { duration: { steps: 6 }, resume: true, engine });
    await expect(trainPainter(broken)).rejects.toEqual(code("TRAINING_DIVERGED"));
    expect((await readCheckpoint(checkpointPath(broken.out)))!.steps).toBe(2);
  });

  it("refuses data without labels, masks from elsewhere, and fields that are too small", async () => {
    const folder = await temporaryFolder();
    const smear = join(folder, "smear");
    await writeSmearDataset(smear, { labelled: false });
    await expect(trainPainter(requestOf(folder))).rejects.toEqual(
      code("DATASET_INVALID", /train of smear has no labels/),
    );
    await writeSmearDataset(smear, { sidePx: 100 });
    const scales = { smear: 0.1875 };
    const large = requestOf(folder, { scales });
    const tooLarge = trainPainter({ ...large, settings: { ...large.settings, sidePx: 192 } });
    await expect(tooLarge).rejects.toEqual(code("DATASET_INVALID", /No field is large enough/));
    await expect(trainPainter(requestOf(folder, { scales, masksFrom: ["other"] }))).rejects.toEqual(
      code("USAGE", /other/),
    );
    await writeFile(join(smear, "labels", "train", "field1.txt"), "0 0.5 0.5 0.1 0.1\n9 0.5 0.5 0.1 0.1\n");
    await expect(trainPainter(requestOf(folder))).rejects.toEqual(code("DATASET_INVALID", /field1\.txt:2: class 9/));
    await writeFile(join(smear, "labels", "train", "field1.txt"), "0 40 50 10 10\n");
    await expect(trainPainter(requestOf(folder))).rejects.toEqual(
      code("DATASET_INVALID", /field1\.txt:1: out of range/),
    );
    await expect(trainPainter(requestOf(folder, { kind: "mcgan", judge: folder }))).rejects.toEqual(
      code("MODEL_NOT_FOUND"),
    );
  });
});

describe("a painter's training asks first", () => {
  it("for memory: what is free, and 3 GiB at most", () => {
    expect(() => requireMemory(2 ** 30, 2 ** 31)).not.toThrow();
    expect(() => requireMemory(2 ** 31, 2 ** 30)).toThrowError(
      code("MEMORY_INSUFFICIENT", /2\.0 GiB, and 1\.0 GiB are free/),
    );
    expect(() => requireMemory(2 ** 32, 2 ** 40)).toThrowError(code("MEMORY_INSUFFICIENT", /4\.0 GiB/));
    expect(trainingBytes([], 10)).toBeGreaterThan(2 ** 27);
  });

  it("refuses a batch that would not fit before anything is read", async () => {
    const folder = await temporaryFolder();
    const request = requestOf(folder);
    const large = trainPainter({ ...request, settings: { ...request.settings, batch: 512, sidePx: 256 } });
    await expect(large).rejects.toEqual(code("MEMORY_INSUFFICIENT"));
  });
});

describe("the watch over the discriminator", () => {
  const losses = (real: number, painted: number) => ({ "critic.real": real, "critic.painted": painted });

  it("ends a game that has been over for long, and none that is open", () => {
    const watch = new CollapseWatch(1, { gap: 0.99, steps: 3 });
    const look = (real: number, painted: number) => watch.isSound({ losses: losses(real, painted), steps: 7 });
    expect([look(0.7, 0.4), look(1, 0.001), look(0.999, 0), look(0.6, 0.5), look(1, 0), look(1, 0)]).toEqual([
      true,
      false,
      false,
      true,
      false,
      false,
    ]);
    expect(() => look(1, 0)).toThrowError(code("TRAINING_DIVERGED", /at 0 for 3 steps, at step 7/));
    expect(new CollapseWatch(1).isSound({ losses: { painter: 1 }, steps: 1 })).toBe(true);
  });
});
