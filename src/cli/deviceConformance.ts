import { InvalidArgumentError } from "commander";
import {
  type ConformanceResult,
  type ExamineOptions,
  examineCamera,
  examineStage,
  type StageRegionUm,
} from "../../drivers/conformance/index.js";
import { stageAxes } from "../../drivers/index.js";
import { CytoError } from "../core/index.js";
import { type DeviceOptions, type NamedDevice, namedDevice, untilInterrupted } from "./namedDevice.js";

export interface ConformanceOptions extends DeviceOptions {
  readonly limits: StageRegionUm;
  readonly home: boolean;
  readonly yes: boolean;
}

export const defaultLimitsUm: StageRegionUm = { x: { min: 0, max: 1000 }, y: { min: 0, max: 1000 } };

/** `x=0:1000,y=0:1000,z=-10:10`, um. @throws InvalidArgumentError */
export function parseLimits(text: string): StageRegionUm {
  const ranges = new Map<string, { readonly min: number; readonly max: number }>();
  for (const part of text.split(",")) {
    const [, axis = "", from = "", to = ""] = /^\s*([xyz])\s*=\s*([^:]+):([^:]+)$/.exec(part) ?? [];
    const [min, max] = [Number(from), Number(to)];
    if (from.trim() === "" || to.trim() === "" || !Number.isFinite(min) || !Number.isFinite(max) || min >= max)
      throw new InvalidArgumentError(`limits are due as x=0:1000,y=0:1000,z=-10:10, um, not ${JSON.stringify(part)}`);
    if (ranges.has(axis)) throw new InvalidArgumentError(`the limits of ${axis} are given twice`);
    ranges.set(axis, { min, max });
  }
  const [x, y, z] = stageAxes.map((axis) => ranges.get(axis));
  if (!x || !y) throw new InvalidArgumentError("the limits of x and of y are needed");
  return z ? { x, y, z } : { x, y };
}

const limitsText = (limitsUm: StageRegionUm): string =>
  stageAxes
    .flatMap((axis) => {
      const range = limitsUm[axis];
      return range ? [`${axis} ${range.min} to ${range.max} um`] : [];
    })
    .join(", ");

/** What is going to happen to a stage, for the one who stands beside it. */
export const warningOf = (name: string, { limits, home }: Pick<ConformanceOptions, "limits" | "home">): string =>
  [
    `THE STAGE WILL MOVE: ${name}, within ${limitsText(limits)}${limits.z ? "" : "; z is left alone"}.`,
    "If it does not know where it is, it is taken to stand in the middle of these limits, and counts from there afterwards;",
    "it then moves by at most half of each range to either side of where it stands now.",
    ...(home ? ["At last IT LOOKS FOR ITS SWITCHES, which lie BEYOND these limits."] : []),
    "Clear the way, lift the objectives, and keep a hand at the switch. Ctrl-C halts it.",
  ].join("\n");

/** Longest time for a stage to do one thing: real ones are slow. */
const stageDeadlineMs = 30_000;

const examine = (
  device: NamedDevice,
  { limits, home }: ConformanceOptions,
  { signal, onResult }: ExamineOptions,
): Promise<readonly ConformanceResult[]> => {
  const run = { signal, ...(onResult ? { onResult } : {}) };
  const { source, options } = device;
  if (device.kind === "camera") return examineCamera({ driver: device.driver, source, options, ends: false }, run);
  return examineStage(
    { driver: device.driver, source, options, limitsUm: limits, homes: home, deadlineMs: stageDeadlineMs, signal },
    run,
  );
};

const lineOf = ({ name, error }: ConformanceResult): string =>
  error ? `FAILED  ${name}\n        ${error.code}: ${error.message}\n` : `ok      ${name}\n`;

const reportOf = ({ name, error }: ConformanceResult) => ({
  name,
  ok: error === undefined,
  ...(error ? { error: { code: error.code, message: error.message, context: error.context } } : {}),
});

/**
 * `devices conformance`: the suite of the device's kind against the device itself.
 * @throws CytoError USAGE where a stage would move and nobody said that it may
 */
export async function conformance(name: string, options: ConformanceOptions): Promise<void> {
  const device = await namedDevice(name, options);
  if (device.kind === "stage") {
    process.stderr.write(`${warningOf(name, options)}\n`);
    if (!options.yes)
      throw new CytoError("USAGE", "Nothing was moved: the examination moves the stage.", {
        remedy: "Say that it may: --yes. Say where it may go: --limits x=0:1000,y=0:1000,z=-10:10.",
      });
  }
  await untilInterrupted(async (signal) => {
    const onResult = (result: ConformanceResult): void => void (options.json || process.stdout.write(lineOf(result)));
    const results = await examine(device, options, { signal, onResult });
    const failed = results.filter(({ error }) => error !== undefined).length;
    const ok = failed === 0 && !signal.aborted;
    if (options.json) {
      const checks = results.map(reportOf);
      const { kind, source } = device;
      process.stdout.write(
        `${JSON.stringify({ ok, interrupted: signal.aborted, kind, name, source, checks }, null, 2)}\n`,
      );
    } else {
      const rest = signal.aborted ? "; interrupted, the rest was not run" : "";
      process.stdout.write(`${results.length - failed} of ${results.length} checks passed${rest}\n`);
    }
    if (failed > 0) process.exitCode = 1;
  });
}
