import { describe, expect, it } from "vitest";
import { createRandom } from "../../../src/core/index.js";
import { CropPreparer } from "../../../src/detection/field/cropPreparer.js";
import { Graph, gradients, Operators } from "../../../src/engine/onnx/index.js";
import { cutCrops, paintedClassLoss } from "../../../src/training/losses/paintedClass.js";
import { type CropSquare, cropMatrices } from "../../../src/training/painter/cropMatrices.js";
import { evaluate, openGraph, type Tensors, tensor } from "../../engine/onnx/runGraph.js";
import { gradientGap } from "../directions.js";

const [batch, picturePx] = [3, 20];
const size = picturePx * picturePx;

interface Cut {
  readonly squares: readonly CropSquare[];
  readonly places: number;
  readonly cropPx: number;
}

const samplingFeeds = ({ squares, places, cropPx }: Cut): Tensors => {
  const matrices = cropMatrices(squares, { places, batch, picturePx, cropPx });
  const square = [places, cropPx, picturePx];
  return {
    picture: tensor([places, batch], matrices.picture),
    rows: tensor(square, matrices.rows),
    columns: tensor(square, matrices.columns),
  };
};

const croppingGraph = (graph: Graph, { places, cropPx }: Cut) => {
  const input = (name: string, shape: readonly number[]) => graph.input(name, "float32", shape);
  const pictures = input("pictures", [batch, 3, picturePx, picturePx]);
  const square = [places, cropPx, picturePx];
  const sampling = {
    picture: input("picture", [places, batch]),
    rows: input("rows", square),
    columns: input("columns", square),
  };
  return { pictures, crops: cutCrops(new Operators(graph), pictures, sampling) };
};

describe("crops of painted pictures", () => {
  const squares: readonly CropSquare[] = [
    { picture: 2, x: 9.3, y: 11.8, side: 8 },
    { picture: 0, x: 2, y: 17.5, side: 13.7 },
    { picture: 2, x: 10, y: 10, side: 20 },
    { picture: 1, x: 19, y: 1, side: 5.1 },
  ];

  it.each([5, 8, 24])("are those of the live count within a level, %i px a side", async (cropPx) => {
    const random = createRandom(cropPx);
    const pixels = Uint8Array.from({ length: batch * size * 3 }, () => random.int(256));
    const planes = Float32Array.from({ length: batch * size * 3 }, (_, at) => {
      const [picture, channel, pixel] = [Math.floor(at / (3 * size)), Math.floor(at / size) % 3, at % size];
      return pixels[(picture * size + pixel) * 3 + channel]!;
    });
    const cut = { squares, places: squares.length, cropPx };
    const graph = new Graph("crops");
    const { crops } = croppingGraph(graph, cut);
    const feeds = { pictures: tensor([batch, 3, picturePx, picturePx], planes), ...samplingFeeds(cut) };
    const found = (await evaluate(graph, { crops }, feeds)).crops!;
    expect(found.dims).toEqual([squares.length, 3, cropPx, cropPx]);
    const area = cropPx * cropPx;
    squares.forEach(({ picture, x, y, side }, place) => {
      const source = {
        width: picturePx,
        height: picturePx,
        pixels: pixels.slice(picture * size * 3, (picture + 1) * size * 3),
      };
      const live = new CropPreparer().cut(source, { centres: [{ x, y }], side, cropPx });
      for (let at = 0; at < 3 * area; at += 1) {
        const gap = found.data[place * 3 * area + at]! - live[(at % area) * 3 + Math.floor(at / area)]!;
        expect(Math.abs(gap)).toBeLessThan(2);
      }
    });
  });

  it("leave the places that no cell takes blank, and those over the number of places out", async () => {
    const cut = { squares, places: 2, cropPx: 4 };
    const { picture, rows } = samplingFeeds(cut);
    expect([...picture!.data]).toEqual([0, 0, 1, 1, 0, 0]);
    expect(rows!.dims).toEqual([2, 4, picturePx]);
    const blank = samplingFeeds({ squares: squares.slice(0, 1), places: 2, cropPx: 4 });
    expect(blank.rows!.data.subarray(4 * picturePx).every((weight) => weight === 0)).toBe(true);
  });

  it("hand their gradient back to the pictures, as finite differences have it", async () => {
    const cut = { squares, places: 5, cropPx: 6 };
    const graph = new Graph("crops");
    const { pictures, crops } = croppingGraph(graph, cut);
    const ops = new Operators(graph);
    const loss = ops.reduceMean(ops.mul(crops, crops), [0, 1, 2, 3], false);
    graph.output("loss", loss);
    graph.output("gradient", gradients(graph, loss, [pictures])[0]!);
    await using opened = await openGraph(graph);
    const random = createRandom(2);
    const data = Float32Array.from({ length: batch * size * 3 }, () => random.normal());
    const feeds = { pictures: tensor([batch, 3, picturePx, picturePx], data), ...samplingFeeds(cut) };
    expect(await gradientGap(opened, feeds, "pictures", { random, step: 0.1 })).toBeLessThan(2e-3);
  });
});

describe("L_class", () => {
  const shape = [3, 2] as const;
  const opened = () => {
    const graph = new Graph("class");
    const [logits, labels] = [graph.input("logits", "float32", shape), graph.input("labels", "float32", shape)];
    const loss = paintedClassLoss(new Operators(graph), logits, labels);
    graph.output("loss", loss);
    graph.output("gradient", gradients(graph, loss, [logits])[0]!);
    return openGraph(graph);
  };
  const logits = [1, -1, 0.5, 2, 7, -7];

  it("is the mean of -log p of the label over the cells that there are", async () => {
    await using graph = await opened();
    const run = async (labels: readonly number[]) =>
      graph.run({ logits: tensor(shape, logits), labels: tensor(shape, labels) });
    const { loss, gradient } = await run([1, 0, 1, 0, 0, 0]);
    const expected = (Math.log(1 + Math.exp(-2)) + Math.log(1 + Math.exp(1.5))) / 2;
    expect(loss!.data[0]).toBeCloseTo(expected, 5);
    expect([...gradient!.data.slice(4)]).toEqual([0, 0]);
    expect((await run([0, 0, 0, 0, 0, 0])).loss!.data[0]).toBeCloseTo(0, 7);
  });

  it("has the gradient of finite differences", async () => {
    await using graph = await opened();
    const feeds = { logits: tensor(shape, logits), labels: tensor(shape, [1, 0, 0.2, 0.8, 0, 0]) };
    expect(await gradientGap(graph, feeds, "logits", { random: createRandom(8), step: 0.01 })).toBeLessThan(2e-3);
  });
});
