import { CytoError } from "../../src/core/index.js";
import type { Camera, CameraDriver, CameraFrame } from "../contract.js";
import {
  type BadSource,
  type ConformanceCheck,
  type ConformanceResult,
  type ExamineOptions,
  expectNothingLeft,
  expectRefusal,
  fail,
  runChecks,
  within,
} from "./examination.js";

/** A camera driver and sources to try it with. */
export interface CameraSubject<Options = unknown> {
  readonly driver: CameraDriver<Options>;
  /** As in the configuration; the defaults are filled in by the driver's schema. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Gives at least `frames` frames with these options. */
  readonly source: string | undefined;
  readonly frames?: number;
  /** Whether the source ends by itself after some frames. */
  readonly ends: boolean;
  /** Sources that cannot be opened, each with the codes that are right for it. */
  readonly badSources?: readonly BadSource[];
  /** Longest time for the camera to open, give a frame, heed an abort, or close. */
  readonly deadlineMs?: number;
}

/** Runs a subject's checks, opens cameras and watches deadlines. */
class Examination<Options> {
  readonly frames: number;
  readonly deadlineMs: number;

  constructor(readonly subject: CameraSubject<Options>) {
    this.frames = subject.frames ?? 3;
    this.deadlineMs = subject.deadlineMs ?? 10_000;
  }

  inTime<T>(what: string, work: PromiseLike<T>): Promise<T> {
    return within(this.deadlineMs, what, work);
  }

  open(signal: AbortSignal, source: string | undefined): Promise<Camera> {
    const options = this.subject.driver.manifest.options.parse(this.subject.options ?? {});
    return this.inTime("Opening", this.subject.driver.open({ source, options, signal }));
  }

  /** Opens the subject's source, lets `use` work with it, and closes it whatever happens. */
  async withCamera(use: (camera: Camera, abort: AbortController) => Promise<void>): Promise<void> {
    const abort = new AbortController();
    const camera = await this.open(abort.signal, this.subject.source);
    try {
      await use(camera, abort);
    } finally {
      await this.inTime("Closing", camera[Symbol.asyncDispose]());
    }
  }

  async nextFrame(iterator: AsyncIterator<CameraFrame>): Promise<CameraFrame> {
    const result = await this.inTime("A frame", iterator.next());
    if (result.done === true) return fail("The frames ended too early.");
    return result.value;
  }

  async expectEnd(iterator: AsyncIterator<CameraFrame>, when: string): Promise<void> {
    // What was under way may still come.
    for (let frame = 0; frame < 100; frame++) {
      const result = await this.inTime(`The end of the frames after ${when}`, iterator.next());
      if (result.done === true) return;
    }
    fail(`The frames go on after ${when}.`);
  }
}

const iterate = (camera: Camera): AsyncIterator<CameraFrame> => camera.frames()[Symbol.asyncIterator]();

function checkFrame(frame: CameraFrame, simulated: boolean): void {
  const { width, height, pixels, capturedAtMs, source } = frame;
  const size = { width, height, bytes: pixels.length };
  if (!Number.isInteger(width) || !Number.isInteger(height) || width < 1 || height < 1)
    fail("A frame has no size.", size);
  if (!(pixels instanceof Uint8Array)) fail("A frame's pixels are no Uint8Array.");
  if (pixels.length !== width * height * 3) fail("A frame's pixels do not fit its size.", size);
  if (pixels.buffer.byteLength !== pixels.length) fail("A frame shares its buffer: it cannot be handed on.", size);
  if (!Number.isFinite(capturedAtMs) || capturedAtMs <= 0) fail("A frame has no time.", { capturedAtMs });
  if (typeof source !== "string" || source === "") fail("A frame does not tell its source.");
  if (frame.simulated !== simulated) fail("A frame contradicts the manifest on being simulated.");
}

async function deliversFrames<O>(examination: Examination<O>): Promise<void> {
  await examination.withCamera(async (camera) => {
    const iterator = iterate(camera);
    const buffers = new Set<ArrayBufferLike>();
    let lastMs = 0;
    for (let count = 0; count < examination.frames; count++) {
      const frame = await examination.nextFrame(iterator);
      checkFrame(frame, examination.subject.driver.manifest.simulated);
      if (frame.capturedAtMs < lastMs)
        fail("A frame is older than the one before.", { lastMs, now: frame.capturedAtMs });
      lastMs = frame.capturedAtMs;
      if (buffers.has(frame.pixels.buffer)) fail("Two frames share a buffer: the first would be overwritten.");
      buffers.add(frame.pixels.buffer);
      structuredClone(frame.pixels.buffer, { transfer: [frame.pixels.buffer] });
    }
  });
}

async function endsWhereItShould<O>(examination: Examination<O>): Promise<void> {
  await examination.withCamera(async (camera) => {
    const iterator = iterate(camera);
    for (let count = 0; count < 1_000_000; count++) {
      const result = await examination.inTime("A frame or the end", iterator.next());
      if (result.done === true) {
        if (count < examination.frames) fail("The frames ended too early.", { count });
        const again = await examination.inTime("A frame after the end", iterator.next());
        if (again.done !== true) fail("A frame came after the end.");
        return;
      }
    }
    fail("The frames do not end.");
  });
}

async function heedsAbort<O>(examination: Examination<O>): Promise<void> {
  await examination.withCamera(async (camera, abort) => {
    const iterator = iterate(camera);
    await examination.nextFrame(iterator);
    const pending = iterator.next();
    abort.abort();
    await examination.inTime("A pending frame after the abort", pending);
    await examination.expectEnd(iterator, "the abort");
  });
}

async function heedsAbortBeforeOpening<O>(examination: Examination<O>): Promise<void> {
  const abort = new AbortController();
  abort.abort();
  let camera: Camera;
  try {
    camera = await examination.open(abort.signal, examination.subject.source);
  } catch {
    return;
  }
  try {
    await examination.expectEnd(iterate(camera), "an abort before opening");
  } finally {
    await examination.inTime("Closing", camera[Symbol.asyncDispose]());
  }
}

async function closesTwice<O>(examination: Examination<O>): Promise<void> {
  await examination.withCamera(async (camera) => {
    await examination.nextFrame(iterate(camera));
    await examination.inTime(
      "Closing twice",
      Promise.all([camera[Symbol.asyncDispose](), camera[Symbol.asyncDispose]()]),
    );
    await examination.inTime("Closing again", camera[Symbol.asyncDispose]());
  });
}

async function closesUnused<O>(examination: Examination<O>): Promise<void> {
  await examination.withCamera(async () => {});
}

async function closesWhileIterated<O>(examination: Examination<O>): Promise<void> {
  await examination.withCamera(async (camera) => {
    const iterator = iterate(camera);
    await examination.nextFrame(iterator);
    const pending = iterator.next();
    await examination.inTime("Closing while a frame is awaited", camera[Symbol.asyncDispose]());
    await examination.inTime("A pending frame after closing", pending);
    await examination.expectEnd(iterator, "closing");
  });
}

async function leavesLoop<O>(examination: Examination<O>): Promise<void> {
  await examination.withCamera(async (camera) => {
    const leave = async (): Promise<void> => {
      for await (const frame of camera.frames()) {
        if (frame.width > 0) break;
      }
    };
    await examination.inTime("Leaving the loop over the frames", leave());
  });
}

async function iteratesOnce<O>(examination: Examination<O>): Promise<void> {
  await examination.withCamera(async (camera) => {
    await examination.nextFrame(iterate(camera));
    try {
      await examination.inTime("A second iteration", iterate(camera).next());
    } catch (error) {
      if (error instanceof CytoError && error.code !== "DRIVER_INVALID") return;
      throw error;
    }
    fail("The frames can be iterated twice: two consumers would each lose some.");
  });
}

async function refuses<O>(examination: Examination<O>, bad: BadSource): Promise<void> {
  const abort = new AbortController();
  const consume = async (): Promise<void> => {
    const camera = await examination.open(abort.signal, bad.source);
    try {
      for await (const _ of camera.frames());
    } finally {
      await camera[Symbol.asyncDispose]();
    }
  };
  await expectRefusal(bad, () => examination.inTime("Refusing a bad source", consume()));
}

const leavesNothing = <O>(examination: Examination<O>): Promise<void> =>
  expectNothingLeft(examination.deadlineMs, () =>
    examination.withCamera(async (camera) => {
      await examination.nextFrame(iterate(camera));
    }),
  );

/** What every camera driver must pass. Needs no test framework: a test runs each check, a command all of them. */
export function cameraChecks<Options>(subject: CameraSubject<Options>): readonly ConformanceCheck[] {
  const examination = new Examination(subject);
  const check = (name: string, run: (examination: Examination<Options>) => Promise<void>): ConformanceCheck => ({
    name,
    run: () => run(examination),
  });
  return [
    check("opens and delivers well-formed frames in the order of their times", deliversFrames),
    ...(subject.ends ? [check("ends where its source does, and stays ended", endsWhereItShould)] : []),
    check("heeds an abort while frames are awaited", heedsAbort),
    check("heeds an abort that came before it was opened", heedsAbortBeforeOpening),
    check("can be closed twice, at the same time and after", closesTwice),
    check("can be closed without having been used", closesUnused),
    check("can be closed while a frame is awaited", closesWhileIterated),
    check("lets its consumer leave the loop", leavesLoop),
    check("lets its frames be iterated once only", iteratesOnce),
    ...(subject.badSources ?? []).map((bad) =>
      check(`refuses the bad source ${bad.source ?? "(none)"} by a code`, () => refuses(examination, bad)),
    ),
    check("leaves nothing behind when opened and closed again and again", leavesNothing),
  ];
}

/** Runs all checks, one after the other, whatever fails. Never throws. */
export const examineCamera = <Options>(
  subject: CameraSubject<Options>,
  options?: ExamineOptions,
): Promise<readonly ConformanceResult[]> => runChecks(cameraChecks(subject), options);
