import { createRandom, type Random } from "../src/core/index.js";
import { Graph, Operators, type Value } from "../src/engine/onnx/index.js";

/**
 * A network of the size and shape of YOLOv8n (8.7 GFLOP at 640x640 by its authors' table; Ultralytics 2023), with
 * random weights: what a laboratory would otherwise run. Only its speed means anything.
 */
export const yoloSized = (): Graph => new YoloSized().build();

const strides = [8, 16, 32] as const;
const side = 640;
const boxChannels = 64;
const classes = 80;

class YoloSized {
  readonly #graph = new Graph("yolov8n-sized");
  readonly #ops = new Operators(this.#graph);
  readonly #random: Random = createRandom(1);

  build(): Graph {
    const image = this.#graph.input("images", "float32", [1, 3, side, side]);
    let x = this.#conv(image, 16, 3, 2);
    x = this.#cross(this.#conv(x, 32, 3, 2), 32, 1, true);
    const p3 = this.#cross(this.#conv(x, 64, 3, 2), 64, 2, true);
    const p4 = this.#cross(this.#conv(p3, 128, 3, 2), 128, 2, true);
    const p5 = this.#pooledPyramid(this.#cross(this.#conv(p4, 256, 3, 2), 256, 1, true), 256);
    const up4 = this.#cross(this.#join(this.#ops.upsample(p5, 2), p4), 128, 1, false);
    const out3 = this.#cross(this.#join(this.#ops.upsample(up4, 2), p3), 64, 1, false);
    const out4 = this.#cross(this.#join(this.#conv(out3, 64, 3, 2), up4), 128, 1, false);
    const out5 = this.#cross(this.#join(this.#conv(out4, 128, 3, 2), p5), 256, 1, false);
    [out3, out4, out5].forEach((level, index) => {
      this.#graph.output(`level${strides[index]}`, this.#head(level));
    });
    return this.#graph;
  }

  #conv(x: Value, channels: number, kernel: number, stride = 1): Value {
    const y = this.#plain(x, channels, kernel, stride);
    return this.#ops.mul(y, this.#ops.sigmoid(y));
  }

  #plain(x: Value, channels: number, kernel: number, stride: number): Value {
    const inputs = Number(x.shape[1]);
    const length = channels * inputs * kernel * kernel;
    const deviation = Math.sqrt(1 / (inputs * kernel * kernel));
    const weights = Float32Array.from({ length }, () => this.#random.normal() * deviation);
    const weight = this.#graph.constant(weights, [channels, inputs, kernel, kernel], "weight");
    const bias = this.#graph.constant(new Float32Array(channels), [channels], "bias");
    return this.#ops.conv(x, weight, { stride, bias });
  }

  #join(...parts: Value[]): Value {
    return this.#ops.concat(parts, 1);
  }

  /** Half of the channels pass through `depth` bottlenecks, each of whose results is kept and joined at the end. */
  #cross(x: Value, channels: number, depth: number, residual: boolean): Value {
    const half = channels / 2;
    const whole = this.#conv(x, channels, 1);
    const parts = [0, half].map((start) => this.#ops.slice(whole, [{ axis: 1, start, end: start + half }]));
    for (let index = 0; index < depth; index += 1) {
      const before = parts.at(-1)!;
      const after = this.#conv(this.#conv(before, half, 3), half, 3);
      parts.push(residual ? this.#ops.add(before, after) : after);
    }
    return this.#conv(this.#join(...parts), channels, 1);
  }

  #pooledPyramid(x: Value, channels: number): Value {
    const parts = [this.#conv(x, channels / 2, 1)];
    for (let index = 0; index < 3; index += 1) {
      parts.push(this.#ops.maxPool(parts.at(-1)!, { kernel: 5, stride: 1, padding: 2 }));
    }
    return this.#conv(this.#join(...parts), channels, 1);
  }

  #head(x: Value): Value {
    const boxes = this.#plain(this.#conv(this.#conv(x, boxChannels, 3), boxChannels, 3), boxChannels, 1, 1);
    const scores = this.#plain(this.#conv(this.#conv(x, classes, 3), classes, 3), classes, 1, 1);
    return this.#join(boxes, this.#ops.sigmoid(scores));
  }
}
