import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { CytoError, createRandom, projectRoot } from "../../src/core/index.js";
import {
  createDetector,
  type Detection,
  type Detector,
  type DetectorModels,
  type GoldenFields,
} from "../../src/detection/index.js";
import { loadDetectorModel, readGoldenFields } from "../../src/registry/index.js";
import { toyDetectorBytes } from "../detection/toyModel.js";
import { toyFrame } from "../detection/toySmear.js";
import { residentMiB, startDaemonProcess } from "../integration/program.js";
import {
  openToySetting,
  type ToySetting,
  toyCells,
  toyField,
  toyPlaces,
  toyUmPerPixel,
} from "../integration/toySetting.js";
import { openToyLaboratory, type ToyLaboratory } from "../registry/laboratory.js";
import { writeToyDataset } from "../training/toyDataset.js";
import { pass, quantile, tell, times } from "./counts.js";

let toy: ToySetting;
let laboratory: ToyLaboratory;
beforeAll(async () => {
  toy = await openToySetting();
  laboratory = await openToyLaboratory();
});
afterAll(async () => {
  await laboratory.remove();
  await toy.remove();
});

const frameAt = (index: number) => toyFrame(toyPlaces(index % 8), { ...toyField, umPerPixel: toyUmPerPixel });

/** Fields through a detector, some at the same time without a pause, until told to stop. Results are looked at, not kept. */
class Load {
  fields = 0;
  readonly failures: unknown[] = [];
  #over = false;
  readonly #lanes: Promise<void>[];

  constructor(detector: Detector, look: (detection: Detection) => void, atATime = 3) {
    this.#lanes = Array.from({ length: atATime }, async (_unused, lane) => {
      for (let index = lane; !this.#over; index += atATime) {
        try {
          look(await detector.detect(frameAt(index)));
          this.fields++;
        } catch (error) {
          this.failures.push(error);
        }
      }
    });
  }

  async stop(): Promise<void> {
    this.#over = true;
    await Promise.all(this.#lanes);
  }
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

describe("models that are corrupt, mis-hashed or of a wrong shape (promise 19)", () => {
  const count = times(5000, 120);

  /** The candidate with something wrong in it. */
  const spoil = async (random: ReturnType<typeof createRandom>): Promise<string> => {
    const folder = await laboratory.candidate("1.1.0-lab.1");
    const [network, manifestPath] = [join(folder, "model.onnx"), join(folder, "manifest.json")];
    const manifest = JSON.parse(await readFile(manifestPath, "utf8")) as Record<string, unknown>;
    let bytes = new Uint8Array(await readFile(network));
    const kinds = [
      "flipped",
      "cut",
      "cut, hashed",
      "noise, hashed",
      "hash",
      "classes",
      "shapes",
      "manifest",
      "missing",
      "another network, hashed",
      "golden fields changed",
      "golden fields missing",
    ];
    const kind = kinds[Math.floor(random.next() * kinds.length)]!;
    const at = Math.floor(random.next() * bytes.length);
    if (kind === "flipped") bytes[at] = bytes[at]! ^ (1 << Math.floor(8 * random.next()));
    if (kind.startsWith("cut")) bytes = bytes.slice(0, at);
    if (kind.startsWith("noise")) bytes = Uint8Array.from({ length: 2000 }, () => Math.floor(256 * random.next()));
    if (kind.startsWith("another")) bytes = new Uint8Array(toyDetectorBytes(0.6));
    if (kind.endsWith("hashed")) manifest.sha256 = sha256(bytes);
    if (kind === "hash") manifest.sha256 = sha256(Uint8Array.of(at & 255, at >> 8));
    if (kind === "classes") manifest.classes = ["leukocyte", "erythrocyte", "platelet"];
    if (kind === "shapes") manifest.outputs = (manifest.outputs as unknown[]).slice(Math.floor(2 * random.next()) + 1);
    await writeFile(network, bytes);
    const text = JSON.stringify(manifest);
    await writeFile(manifestPath, kind === "manifest" ? text.slice(0, Math.floor(random.next() * text.length)) : text);
    if (kind === "missing") await rm(network);
    const golden = join(folder, "golden");
    if (kind === "golden fields missing") await rm(golden, { recursive: true });
    if (kind === "golden fields changed") {
      const path = join(golden, ["golden.json", "0.png", "1.png"][at % 3]!);
      const content = await readFile(path);
      content[at % content.length]! ^= 1;
      await writeFile(path, content);
    }
    return kind;
  };

  it(`${count} of them: all refused, the old one serves, no frame lost`, async () => {
    await using detector = await createDetector({ models: toy.models, provider: "cpu", threads: 1 });
    const load = new Load(detector, ({ models, cells }) => {
      expect(models.detector).toEqual(toy.models.detector.ref);
      expect(cells.length).toBe(toyCells);
    });
    await using desk = await laboratory.open({ swap: (next, golden) => detector.swap(next, golden) });
    const random = createRandom(19);
    const refused: Record<string, number> = {};
    for (let index = 0; index < count; index++) {
      const kind = await spoil(random);
      const outcome: unknown = await desk.promote("unet@1.1.0-lab.1", "test", kind).catch((error: unknown) => error);
      expect(outcome, kind).toBeInstanceOf(CytoError);
      expect(["MODEL_INVALID", "MODEL_NOT_FOUND", "MODEL_SELF_TEST_FAILED"], `${kind}: ${String(outcome)}`).toContain(
        (outcome as CytoError).code,
      );
      refused[kind] = (refused[kind] ?? 0) + 1;
    }
    await load.stop();
    tell(19, { models: count, ...refused, fields: load.fields, lost: load.failures.length });
    expect(load.failures).toEqual([]);
    expect(load.fields).toBeGreaterThan(0);
    expect((await desk.history()).map(({ kind }) => kind)).toEqual(["initial", "initial"]);
  });
});

describe("hot swap (promise 20)", () => {
  let second: DetectorModels;
  let golden: GoldenFields;
  beforeAll(async () => {
    // The other model answers with half the density, so that a result betrays which one made it.
    const directory = await laboratory.candidate("2.0.0", 0.5);
    second = { ...toy.models, detector: await loadDetectorModel(directory) };
    golden = { detector: (await readGoldenFields(directory))! };
  });
  const openDetector = (): Promise<Detector> =>
    createDetector({ models: toy.models, provider: "cpu", threads: 1, workers: 2 });
  const swap = (detector: Detector, index: number): Promise<unknown> =>
    index % 2 === 0 ? detector.swap(second, golden) : detector.swap(toy.models);

  const underLoad = times(1000, 50);

  it(`${underLoad} under load: no field fails, each result names the version that made it`, async () => {
    await using detector = await openDetector();
    const byVersion: Record<string, number> = {};
    const look = ({ models, cells }: Detection): void => {
      const { version } = models.detector;
      byVersion[version] = (byVersion[version] ?? 0) + 1;
      expect(cells.length).toBe(toyCells);
      const surest = Math.max(...cells.map(({ confidence }) => confidence));
      expect(version).toBe(surest > 0.6 ? "1.0.0" : "2.0.0");
    };
    const load = new Load(detector, look, 5);
    for (let index = 0; index < underLoad; index++) {
      await swap(detector, index);
      await pass(5);
    }
    await load.stop();
    tell(20, { swaps: underLoad, ...byVersion, failed: load.failures.length });
    expect(load.failures).toEqual([]);
    expect(Object.keys(byVersion).sort()).toEqual(["1.0.0", "2.0.0"]);
  });

  const measured = times(1000, 150);

  // Small fields and few of them at a time: many swaps pass in little time, and what is under way is no part of the figure.
  it(`${measured} swaps: memory within 2 %`, async () => {
    await using detector = await openDetector();
    const small = toyFrame([{ kind: "erythrocyte", x: 48, y: 48 }], {
      width: 96,
      height: 96,
      umPerPixel: toyUmPerPixel,
    });
    const resident: number[] = [];
    for (let index = 0; index < measured; index++) {
      await swap(detector, index);
      await Promise.all(
        [0, 1, 2].map((sequence) => detector.detect({ ...small, sequence, pixels: small.pixels.slice() })),
      );
      if (index % 10 !== 9) continue;
      collectGarbage();
      await pass(50);
      resident.push(residentMiB(process.pid));
    }
    // The heaps breathe: what they fall to tells what is held. The first swaps give the workers their working size.
    const third = Math.floor(resident.length / 3);
    const baseline = Math.min(...resident.slice(Math.min(third, 5), third + 1));
    const drift = Math.min(...resident.slice(-third)) / baseline - 1;
    tell(20, { swaps: measured, baselineMiB: baseline, driftPercent: 100 * drift });
    expect(drift).toBeLessThanOrEqual(0.02);
  });
});

describe("detection saturated while a training runs (promise 18)", () => {
  const seconds = times(120, 15);

  /**
   * Event-loop lag of a process that does nothing, p99 of each second in ms: what this machine does to any process, near 0 where nothing
   * else runs, and to one with work to do the more. The 20 ms by themselves are loopLagP99Ms.besideTraining of the benches.
   */
  const idleProcess = `
    const histogram = require("node:perf_hooks").monitorEventLoopDelay({ resolution: 10 });
    histogram.enable();
    setInterval(() => {
      console.log(Math.max(0, histogram.percentile(99) / 1e6 - 10));
      histogram.reset();
    }, 1000);`;

  it(`for ${seconds} s: lag of the main thread's event loop p99 <= 20 ms, beside what an idle process has`, async () => {
    const smears = await toy.smears("saturating", 12);
    const data = join(toy.folder, "data");
    const fields = Array.from({ length: 4 }, (_unused, index) => ({
      painted: toyPlaces(index).filter(({ y }) => y < 270),
    }));
    await writeToyDataset(data, fields);
    for (const kind of ["images", "labels"])
      await cp(join(data, kind, "val"), join(data, kind, "train"), { recursive: true });
    await writeFile(
      join(data, "data.yaml"),
      "train: images/train\nval: images/val\nnames: [RBC, WBC, Platelets, LY]\n",
    );
    await mkdir(join(toy.folder, "run"));
    await using daemon = await startDaemonProcess([
      ...toy.settings,
      ...["camera.name=folder", `camera.source=${smears}`, "camera.options.repeat=true", "detection.threads=0"],
    ]);
    const words = ["train", "unet", "--data", data, "--out", join(toy.folder, "run"), "--steps", "100000", "--json"];
    const program = join(projectRoot(), "src", "cli", "cytostream.ts");
    const training = spawn(process.execPath, ["--import", "tsx", program, ...words], {
      cwd: projectRoot(),
      stdio: ["ignore", "pipe", "pipe"],
    });
    onTestFinished(() => void training.kill("SIGKILL"));
    let said = "";
    const ended = new Promise<void>((resolve) => {
      training.on("close", () => resolve());
    });
    const begun = new Promise<void>((resolve, reject) => {
      for (const stream of [training.stdout, training.stderr]) {
        stream.setEncoding("utf8").on("data", (part: string) => {
          said += part;
          if (/"steps":\s*[1-9]/.test(said)) resolve();
        });
      }
      training.on("close", () => reject(new Error(`the training has ended: ${said}`)));
    });
    try {
      await begun;
      await daemon.metric('cytostream_event_loop_lag_seconds{quantile="0.99"}');
      const before = await daemon.metric("cytostream_frames_processed_total");
      const idle = spawn(process.execPath, ["-e", idleProcess], { stdio: ["ignore", "pipe", "inherit"] });
      onTestFinished(() => void idle.kill("SIGKILL"));
      const idleLags: number[] = [];
      createInterface({ input: idle.stdout }).on("line", (line) => idleLags.push(Number(line)));
      const lags: number[] = [];
      for (let second = 0; second < seconds; second++) {
        await pass(1000);
        lags.push(1000 * (await daemon.metric('cytostream_event_loop_lag_seconds{quantile="0.99"}')));
      }
      const done = (await daemon.metric("cytostream_frames_processed_total")) - before;
      tell(18, {
        seconds,
        fieldsPerSecond: done / seconds,
        medianP99Ms: quantile(lags, 0.5),
        worstP99Ms: Math.max(...lags),
        idleMedianP99Ms: quantile(idleLags, 0.5),
      });
      expect(done).toBeGreaterThan(0);
      expect(quantile(lags, 0.5)).toBeLessThanOrEqual(20 + 1.5 * quantile(idleLags, 0.5));
    } finally {
      training.kill("SIGKILL");
      await ended;
    }
  });
});
