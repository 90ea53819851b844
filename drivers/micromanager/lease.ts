import { stat } from "node:fs/promises";
import { CytoError, type ErrorCode } from "../../src/core/index.js";
import { Bridge, type BridgeOutcome } from "./bridge.js";
import type { BridgeConfiguration } from "./configuration.js";

/** The codes by which a camera or a stage says what became of its bridge. */
export interface RoleCodes {
  /** There is no such configuration file. */
  readonly absent: ErrorCode;
  readonly busy: ErrorCode;
  /** The devices could not be loaded. */
  readonly failed: ErrorCode;
  readonly lost: ErrorCode;
  readonly silent: ErrorCode;
  readonly refused: ErrorCode;
  readonly unsupported: ErrorCode;
}

/** A share of a bridge; disposing of the last one ends it. */
export interface BridgeLease extends AsyncDisposable {
  readonly bridge: Bridge;
}

interface Shared {
  readonly loading: Promise<{ readonly bridge: Bridge; readonly outcome: BridgeOutcome }>;
  holders: number;
}

/** Loading initialises the devices: some home themselves, some warm up. */
const loadTimeoutMs = 60_000;

/** Bridges that run, by their configuration: devices cannot be opened twice. */
const shared = new Map<string, Shared>();
/** Bridges that are being closed, by the same. */
const closing = new Map<string, Promise<void>>();

async function load(configuration: BridgeConfiguration, before: Promise<void> | undefined) {
  // The devices are to be free first.
  await before;
  const bridge = await Bridge.start(configuration);
  const { adapterPath, configFile, devices } = configuration;
  const outcome = await bridge.request("load", { adapterPath, configFile, devices }, loadTimeoutMs);
  if (outcome.state === "done") bridge.version = String(outcome.result.version);
  return { bridge, outcome };
}

async function release(key: string, held: Shared): Promise<void> {
  held.holders--;
  if (held.holders > 0) return;
  if (shared.get(key) === held) shared.delete(key);
  const closed = held.loading.then(
    ({ bridge }) => bridge[Symbol.asyncDispose](),
    () => {},
  );
  closing.set(key, closed);
  await closed;
  if (closing.get(key) === closed) closing.delete(key);
}

/** What a request's failure is to a camera or a stage. */
export function failureOf(outcome: Exclude<BridgeOutcome, { state: "done" }>, codes: RoleCodes): CytoError {
  if (outcome.state === "silent") return new CytoError(codes.silent, "Micro-Manager does not answer.");
  if (outcome.state === "lost") {
    return new CytoError(codes.lost, `Micro-Manager's bridge is gone: ${outcome.message}.`);
  }
  const { kind, message } = outcome;
  const text = `Micro-Manager: ${message}`;
  if (kind === "package") return new CytoError("MICROMANAGER_NOT_FOUND", text);
  if (kind === "adapters") {
    return new CytoError("MICROMANAGER_NOT_FOUND", text, {
      remedy: "Name the folder of Micro-Manager's device adapters by the option `adapterPath`.",
    });
  }
  const code = { load: codes.failed, busy: codes.busy, absent: codes.unsupported, format: codes.unsupported }[kind];
  return new CytoError(code ?? codes.refused, text);
}

async function checkFile({ configFile, devices }: BridgeConfiguration, codes: RoleCodes): Promise<void> {
  const remedy = "Give a configuration file of Micro-Manager as the source, or `devices` in the options.";
  if (configFile === undefined) {
    if (devices.length > 0) return;
    throw new CytoError(codes.absent, "No configuration of Micro-Manager is named.", { remedy });
  }
  const file = await stat(configFile).catch(() => undefined);
  if (file?.isFile() === true) return;
  throw new CytoError(codes.absent, `There is no configuration file ${configFile}.`, { remedy });
}

/**
 * A bridge with this configuration loaded: the one that runs already, or a new one.
 * @throws CytoError MICROMANAGER_NOT_FOUND, and those of `codes`
 */
export async function leaseBridge(
  configuration: BridgeConfiguration,
  codes: RoleCodes,
  signal: AbortSignal,
): Promise<BridgeLease> {
  signal.throwIfAborted();
  await checkFile(configuration, codes);
  const key = JSON.stringify(configuration);
  let held = shared.get(key);
  if (held === undefined) {
    held = { loading: load(configuration, closing.get(key)), holders: 0 };
    shared.set(key, held);
    const mine = held;
    const forget = (): void => {
      if (shared.get(key) === mine) shared.delete(key);
    };
    // One that has failed or is gone is nobody's to find.
    held.loading.then(({ bridge, outcome }) => {
      if (outcome.state === "done" && bridge.lostWhy === undefined) bridge.onLost(forget);
      else forget();
    }, forget);
  }
  held.holders++;
  const mine = held;
  let released: Promise<void> | undefined;
  const dispose = (): Promise<void> => {
    released ??= release(key, mine);
    return released;
  };
  try {
    const { bridge, outcome } = await mine.loading;
    signal.throwIfAborted();
    if (outcome.state !== "done") throw failureOf(outcome, codes);
    return { bridge, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}
