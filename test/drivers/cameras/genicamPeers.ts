import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** GigE Vision cameras answer at this address and UDP port 3956: one at a time. */
export const cameraAddress = "127.0.0.1";
const controlPortHex = "0F74";

const isListening = (): boolean =>
  readFileSync("/proc/net/udp", "utf8")
    .split("\n")
    .some((line) => line.includes(`:${controlPortHex} `));

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 10));

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/**
 * Waits until no other file of tests has a camera at the address, which only one can have. @returns lets the next one have it
 */
export const cameraTurn = async (): Promise<() => Promise<void>> => {
  const path = join(tmpdir(), "cytostream-gige-turn");
  for (;;) {
    try {
      await writeFile(path, String(process.pid), { flag: "wx" });
      return () => rm(path, { force: true });
    } catch {
      const holder = Number(await readFile(path, "utf8").catch(() => String(process.pid)));
      if (!isAlive(holder)) await rm(path, { force: true });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
};

/** A camera that runs as a process; disposing of it pulls its plug. */
export class CameraProcess implements AsyncDisposable {
  readonly #ended: Promise<unknown>;

  constructor(readonly child: ChildProcess) {
    this.#ended = once(child, "exit");
  }

  /** Freezes it: it is there, and sends and answers nothing. */
  freeze(): void {
    this.child.kill("SIGSTOP");
  }

  thaw(): void {
    this.child.kill("SIGCONT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await this.#ended;
  }
}

/**
 * aravis' own fake camera, 512 x 512, 25 frames/s, Mono8. The value of a pixel is (x + y + number of the frame) modulo 255.
 * @param lostPerMille packets that it loses
 */
export const startFakeCamera = async (lostPerMille = 0): Promise<CameraProcess> => {
  const words = ["-i", cameraAddress, "-s", "CYTO1", "-r", String(lostPerMille)];
  const camera = new CameraProcess(spawn("arv-fake-gv-camera-0.8", words, { stdio: "ignore" }));
  while (!isListening()) {
    if (camera.child.exitCode !== null) throw new Error("the fake camera has ended");
    await turn();
  }
  return camera;
};

/** Whole pixels, interleaved 8-bit RGB. */
export interface SlidePicture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

/** A camera that shows a part of a picture. */
export class SlideCamera extends CameraProcess {
  readonly #lines: AsyncIterator<string>;

  constructor(child: ChildProcess) {
    super(child);
    this.#lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  }

  async hear(): Promise<string> {
    return String((await this.#lines.next()).value);
  }

  /** Moves the field of view; frames that begin from now on show it. */
  async pan(left: number, top: number): Promise<void> {
    this.child.stdin?.write(`${left} ${top}\n`);
    await this.hear();
  }
}

/** Compiles the camera that shows a picture, once for all tests of a file. */
export const buildSlideCamera = async () => {
  const folder = await mkdtemp(join(tmpdir(), "cytostream-slide-"));
  const program = join(folder, "gvSlide");
  const flags = spawnSync("pkg-config", ["--cflags", "--libs", "aravis-0.8"]).stdout.toString().trim().split(/\s+/);
  const source = fileURLToPath(new URL("gvSlide.c", import.meta.url));
  const compiled = spawnSync("gcc", ["-O2", "-w", source, "-o", program, ...flags]);
  if (compiled.status !== 0) throw new Error(compiled.stderr.toString());
  let pictures = 0;
  return {
    start: async ({ width, height, pixels }: SlidePicture): Promise<SlideCamera> => {
      const path = join(folder, `${pictures++}.ppm`);
      await writeFile(path, Buffer.concat([Buffer.from(`P6 ${width} ${height} 255\n`), pixels]));
      const camera = new SlideCamera(
        spawn(program, [path, cameraAddress, "CYTO2"], { stdio: ["pipe", "pipe", "inherit"] }),
      );
      if ((await camera.hear()) !== "ready") throw new Error("the camera with the slide did not start");
      return camera;
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
};
