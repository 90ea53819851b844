import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ParameterState } from "../../../src/engine/index.js";
import {
  type Checkpoint,
  checkpointBefore,
  checkpointPath,
  findCheckpoint,
  fingerprintOf,
  readCheckpoint,
  writeCheckpoint,
} from "../../../src/training/trainer/index.js";

const invalid = expect.objectContaining({ name: "CytoError", code: "CHECKPOINT_INVALID" });
const vector = fc.float32Array({ maxLength: 40 });
const state: fc.Arbitrary<ParameterState> = fc.record({
  parameters: vector,
  firstMoment: vector,
  secondMoment: vector,
  average: vector,
  statistics: vector,
  steps: fc.nat(),
});
const checkpoint: fc.Arbitrary<Checkpoint> = fc.record({
  fingerprint: fc.constant("same"),
  steps: fc.nat(),
  elapsedMs: fc.nat(),
  source: fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown),
  states: fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), state, { maxKeys: 3, noNullPrototype: true }),
});
const bits = ({ states, ...rest }: Checkpoint) => ({
  ...rest,
  states: Object.entries(states).map(([name, { steps, ...vectors }]) => [
    name,
    steps,
    Object.entries(vectors).map(([key, { buffer, byteOffset, byteLength }]) => [
      key,
      Buffer.from(buffer, byteOffset, byteLength).toString("hex"),
    ]),
  ]),
});

const example: Checkpoint = {
  fingerprint: "same",
  steps: 7,
  elapsedMs: 12.5,
  source: { words: [1, 2, 3, 4] },
  states: {
    network: {
      parameters: Float32Array.of(1, -2, 3),
      firstMoment: Float32Array.of(1e-40, -0, 0.1),
      secondMoment: Float32Array.of(4, 5, 6),
      average: Float32Array.of(7, 8, 9),
      statistics: Float32Array.of(10),
      steps: 7,
    },
  },
};

describe("a checkpoint", () => {
  let folder: string;
  let whole: Buffer;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "cytostream-checkpoint-"));
    await writeCheckpoint(join(folder, "example"), example);
    whole = await readFile(join(folder, "example"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const readBytes = async (bytes: Uint8Array): Promise<Checkpoint | undefined> => {
    const path = join(folder, "changed");
    await writeFile(path, bytes);
    return readCheckpoint(path, "same");
  };

  it("reads back bit for bit, NaN and negative zero included", async () => {
    const path = join(folder, "any");
    await fc.assert(
      fc.asyncProperty(checkpoint, async (written) => {
        await writeCheckpoint(path, written);
        expect(bits((await readCheckpoint(path, "same"))!)).toEqual(bits(written));
      }),
      { numRuns: 40 },
    );
  });

  it("makes its folder, and takes the place of the one before, which stays beside it", async () => {
    const path = checkpointPath(join(folder, "new", "folder"));
    await writeCheckpoint(path, example);
    await writeCheckpoint(path, { ...example, steps: 8 });
    expect((await readCheckpoint(path, "same"))!.steps).toBe(8);
    expect(await readdir(join(folder, "new", "folder"))).toEqual(["checkpoint.bin", "checkpoint.bin.before"]);
    expect((await readCheckpoint(checkpointBefore(path), "same"))!.steps).toBe(example.steps);
  });

  it("gives way to the one before it where it is damaged or lost, and to none of another training", async () => {
    const path = checkpointPath(join(folder, "two"));
    const identity = { seed: 1, network: { widths: [4, 8] }, data: "a" };
    await writeCheckpoint(path, { ...example, identity, steps: 5 });
    await writeCheckpoint(path, { ...example, identity, steps: 8 });
    expect(await findCheckpoint(path, "same", identity)).toMatchObject({ checkpoint: { steps: 8 } });
    const other = findCheckpoint(path, "other", { ...identity, seed: 2, network: { widths: [4, 9] } });
    await expect(other).rejects.toThrowError(
      /other settings or data: seed is 1 there and 2 here; network\.widths\.1 is 8 there and 9 here$/,
    );
    const bytes = await readFile(path);
    await writeFile(path, bytes.subarray(0, bytes.length - 1));
    const found = await findCheckpoint(path, "same", identity);
    expect(found).toMatchObject({ checkpoint: { steps: 5 }, passedOver: expect.stringContaining("damaged") });
    await expect(findCheckpoint(path, "other", identity)).rejects.toEqual(invalid);
    await rm(path);
    expect(await findCheckpoint(path, "same", identity)).toMatchObject({ checkpoint: { steps: 5 } });
    await writeFile(checkpointBefore(path), "neither");
    await writeFile(path, "this");
    await expect(findCheckpoint(path, "same", identity)).rejects.toEqual(invalid);
  });

  it("is undefined where there is none", async () => {
    expect(await readCheckpoint(join(folder, "none", "checkpoint.bin"), "same")).toBeUndefined();
  });

  it("is refused where it is no file", async () => {
    await expect(readCheckpoint(folder, "same")).rejects.toEqual(invalid);
  });

  it("is refused where it was cut off, at every length", async () => {
    for (let length = 0; length < whole.length; length += 1) {
      await expect(readBytes(whole.subarray(0, length))).rejects.toEqual(invalid);
    }
  });

  it("is refused where any bit has flipped, or bytes are inserted, doubled or lost", async () => {
    const place = fc.nat(whole.length - 1);
    const damage = fc.oneof(
      fc
        .tuple(place, fc.nat(7))
        .map(([at, bit]) => whole.map((byte, index) => (index === at ? byte ^ (1 << bit) : byte))),
      fc
        .tuple(place, fc.uint8Array({ minLength: 1, maxLength: 9 }))
        .map(([at, more]) => Buffer.concat([whole.subarray(0, at), more, whole.subarray(at)])),
      fc
        .tuple(place, fc.integer({ min: 1, max: 9 }))
        .map(([at, less]) => Buffer.concat([whole.subarray(0, at), whole.subarray(at + less)])),
      fc.uint8Array({ maxLength: 200 }),
    );
    await fc.assert(
      fc.asyncProperty(damage, async (bytes) => {
        await expect(readBytes(bytes)).rejects.toEqual(invalid);
      }),
      { numRuns: 400 },
    );
  });

  it("is refused where its digest is right but nothing else", async () => {
    const magic = whole.subarray(0, whole.indexOf("\n") + 1);
    const length = (size: number) => Buffer.from(Uint32Array.of(size).buffer);
    const headerOf = (lengths: readonly number[]) =>
      Buffer.from(
        JSON.stringify({
          fingerprint: "same",
          steps: 1,
          elapsedMs: 1,
          source: 0,
          sets: [{ name: "a", steps: 1, lengths }],
        }),
      );
    const header = headerOf([1, 0, 0, 0, 0]);
    const bytesOf = (body: Buffer) => Buffer.concat([magic, createHash("sha256").update(body).digest(), body]);
    const good = Buffer.concat([length(header.length), header, Buffer.alloc(4)]);
    expect((await readBytes(bytesOf(good)))!.states.a!.parameters).toEqual(Float32Array.of(0));
    const wrong = [[1], [-1, 0, 0, 0, 2], [0.5, 0.5, 0, 0, 0]].map(headerOf);
    for (const body of [
      Buffer.alloc(0),
      Buffer.from([1, 2]),
      length(1000),
      Buffer.concat([length(4), Buffer.from("{{{{")]),
      Buffer.concat([length(4), Buffer.from("null")]),
      Buffer.concat([length(2), Buffer.from("{}")]),
      Buffer.concat([length(22), Buffer.from('{"fingerprint":"same"}')]),
      Buffer.concat([length(header.length), header]),
      Buffer.concat([length(header.length), header, Buffer.alloc(8)]),
      ...wrong.map((json) => Buffer.concat([length(json.length), json, Buffer.alloc(4)])),
    ]) {
      await expect(readBytes(bytesOf(body))).rejects.toEqual(invalid);
    }
  });

  it("is refused by a training with another fingerprint", async () => {
    await expect(readCheckpoint(join(folder, "example"), "other")).rejects.toEqual(invalid);
  });
});

describe("a fingerprint", () => {
  it("is the same for equal settings only", () => {
    expect(fingerprintOf({ seed: 1, widths: [1, 2] })).toBe(fingerprintOf({ seed: 1, widths: [1, 2] }));
    expect(fingerprintOf({ seed: 1 })).not.toBe(fingerprintOf({ seed: 2 }));
  });
});
