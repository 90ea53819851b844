import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, describe, expect, it } from "vitest";
import { createRandom, projectRoot } from "../../src/core/index.js";
import { createScanDesk, type ScanRecord } from "../../src/scan/index.js";
import { requireTool } from "../requirements.js";
import { toyMicroscope, toySlide } from "../scan/toyMicroscope.js";
import { tell, times } from "./counts.js";

interface Said {
  readonly begun?: string;
  readonly found?: number;
  readonly field?: number;
  readonly moves?: number;
  readonly refused?: string;
  readonly state?: ScanRecord["state"];
  readonly failure?: string;
  readonly fieldsDone?: number;
  readonly fieldsPlanned?: number;
  readonly counts?: ScanRecord["counts"];
}

const folders: string[] = [];
const processes: ReturnType<typeof spawn>[] = [];
afterAll(async () => {
  for (const child of processes) child.kill("SIGKILL");
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
});
const newFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), "cytostream-scans-"));
  folders.push(folder);
  return folder;
};

/** A process that scans, and all that it has said. */
class ScanProcess {
  readonly said: Said[] = [];
  readonly child;
  readonly closed: Promise<unknown>;
  #complaints = "";

  constructor(folder: string, id = "", onSaid: (said: Said, process: ScanProcess) => void = () => {}) {
    const script = join(projectRoot(), "test", "faults", "scanProcess.ts");
    this.child = spawn(process.execPath, ["--import", "tsx", script, folder, id], {
      cwd: projectRoot(),
      stdio: ["ignore", "pipe", "pipe"],
    });
    processes.push(this.child);
    this.child.stderr.setEncoding("utf8").on("data", (part: string) => {
      this.#complaints += part;
    });
    createInterface(this.child.stdout).on("line", (line) => {
      // A line that the kill has cut was never said.
      if (!line.endsWith("}")) return;
      const said = JSON.parse(line) as Said;
      this.said.push(said);
      onSaid(said, this);
    });
    this.closed = once(this.child, "close");
  }

  /** Resolves with the signal that ended it. */
  async end(): Promise<string | null> {
    const [, signal] = (await this.closed) as [number | null, string | null];
    if (this.#complaints !== "") throw new Error(this.#complaints);
    return signal;
  }
}

const endOf = (said: readonly Said[]): Said | undefined => said.find(({ state }) => state === "complete");

/** The same scan without any fault. */
const undisturbed = async (): Promise<{ readonly record: ScanRecord; readonly folder: string }> => {
  const folder = await newFolder();
  const process = new ScanProcess(folder);
  await process.end();
  await using desk = createScanDesk(toyMicroscope(folder, toySlide(31, 900)).options);
  return { record: (await desk.list())[0]!, folder };
};

describe("SIGKILL at any moment of a scan", () => {
  const kills = times(100, 5);

  it(`${kills} times: it goes on at the right field, to the same counts`, async () => {
    const { record: expected } = await undisturbed();
    expect(expected).toMatchObject({ state: "complete" });
    const random = createRandom(17);
    const folder = await newFolder();
    let id = "";
    let killed = 0;
    let whole = 0;
    let lastDone = 0;
    while (killed < kills || id !== "") {
      const killAfter = random.int(12);
      const delayMs = 10 * random.next();
      let fields = 0;
      const kill = (process: ScanProcess): void => {
        if (killed < kills && fields++ === killAfter) setTimeout(() => process.child.kill("SIGKILL"), delayMs);
      };
      const scan = new ScanProcess(folder, id, (said, process) => {
        if (said.begun !== undefined) id = said.begun;
        if (said.begun !== undefined || said.field !== undefined) kill(process);
      });
      const signal = await scan.end();
      const fieldsSaid = scan.said.flatMap(({ field }) => (field === undefined ? [] : [field]));
      const found = scan.said[0]?.found ?? 0;
      // What was told as done is done; it went on at the next one, and left none out.
      expect(found).toBeGreaterThanOrEqual(lastDone);
      expect(fieldsSaid).toEqual(fieldsSaid.map((_, index) => found + index));
      lastDone = found + fieldsSaid.length;
      if (signal === "SIGKILL") killed++;
      const end = endOf(scan.said);
      if (end === undefined) {
        expect(signal).toBe("SIGKILL");
        continue;
      }
      expect(end.counts).toEqual(expected.counts);
      expect(end.fieldsDone).toBe(expected.fieldsPlanned);
      [id, lastDone] = ["", 0];
      whole++;
      if (killed >= kills) break;
    }
    tell(25, { scanKills: killed, scansWhole: whole, fieldsEach: expected.fieldsDone });
    expect(killed).toBe(kills);
  });
});

describe("a disk that is full in mid-scan", () => {
  it.skipIf(!requireTool("prlimit"))(
    "pauses it with STORE_FULL, loses nothing, and lets it go on when there is room (needs prlimit)",
    async () => {
      const { record: expected } = await undisturbed();
      const folder = await newFolder();
      const limit = (process: ScanProcess, bytes: string): Promise<unknown> =>
        once(
          spawn("prlimit", ["--pid", String(process.child.pid), `--fsize=${bytes}:`], { stdio: "inherit" }),
          "close",
        );
      let full = 0;
      const scan = new ScanProcess(folder, "", ({ field, failure, refused }, process) => {
        if (field === 10) void limit(process, "1000");
        if (failure === "STORE_FULL" || refused === "STORE_FULL") full++;
        if (full === 3) void limit(process, "unlimited");
      });
      expect(await scan.end()).toBeNull();
      const paused = scan.said.filter(({ state }) => state === "paused");
      expect(new Set(paused.map(({ failure }) => failure))).toEqual(new Set(["STORE_FULL"]));
      expect(endOf(scan.said)?.counts).toEqual(expected.counts);
      const fields = scan.said.flatMap(({ field }) => (field === undefined ? [] : [field]));
      expect(fields).toEqual(fields.map((_, index) => index));
      tell(3, { timesFull: full, fields: fields.length });
    },
  );
});

describe("devices lost in mid-scan", () => {
  const losses = times(50, 6);

  it(`stage or camera, ${losses} times: paused with the code, no move until a person resumes, then the same counts`, async () => {
    const { record: expected } = await undisturbed();
    const random = createRandom(4);
    const slide = toySlide(31, 900);
    let left = losses;
    while (left > 0) {
      const toy = toyMicroscope(await newFolder(), slide);
      await using desk = createScanDesk(toy.options);
      let stopped: (record: ScanRecord) => void = () => {};
      let loseAt = random.int(20);
      const lose = (fieldsDone: number): void => {
        if (left === 0 || fieldsDone < loseAt) return;
        const atStage = random.int(2) === 0;
        if (atStage) toy.stage.fault = "STAGE_DISCONNECTED";
        else toy.camera.fault = "CAMERA_STALE";
        loseAt = fieldsDone + 3 + random.int(30);
        left--;
      };
      desk.onChange((record) => {
        if (record === undefined) return;
        if (record.state === "running") lose(record.fieldsDone);
        else stopped(record);
      });
      const standing = (begin: () => Promise<ScanRecord>): Promise<ScanRecord> =>
        new Promise((resolve, reject) => {
          stopped = resolve;
          begin().catch(reject);
        });
      const { plan, stop, focus, by } = expected;
      let record = await standing(() => desk.start({ slide: "S", plan, stop, focus, by }));
      while (record.state === "paused") {
        expect(["STAGE_DISCONNECTED", "CAMERA_STALE"]).toContain(record.failure?.code);
        const moves = toy.stage.moves.length;
        await new Promise((resolve) => setImmediate(resolve));
        expect(toy.stage.moves.length).toBe(moves);
        toy.stage.fault = undefined;
        toy.camera.fault = undefined;
        const { id } = record;
        record = await standing(() => desk.resume(id));
      }
      expect(record).toMatchObject({ state: "complete", fieldsDone: expected.fieldsPlanned });
      expect(record.counts).toEqual(expected.counts);
    }
    tell(14, { losses });
  });
});
