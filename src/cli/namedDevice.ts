import { type CameraDriver, listDrivers, loadCamera, loadStage, type StageDriver } from "../../drivers/index.js";
import { loadConfig, loadDriverOptions, nearestKey } from "../config/index.js";
import { CytoError } from "../core/index.js";

export type DeviceKind = "camera" | "stage";

export interface DeviceOptions {
  readonly kind?: DeviceKind;
  readonly source?: string;
  /** `KEY=VALUE`, keys below the driver's options. */
  readonly set: readonly string[];
  readonly json?: boolean;
}

/** A driver with its options checked and their defaults filled in. */
export type NamedDevice = {
  readonly source: string | undefined;
  readonly options: Readonly<Record<string, unknown>>;
} & (
  | { readonly kind: "camera"; readonly driver: CameraDriver }
  | { readonly kind: "stage"; readonly driver: StageDriver }
);

const kinds = { camera: "cameras", stage: "stages" } as const;

async function kindOf(name: string): Promise<DeviceKind> {
  const known = await Promise.all(
    (["camera", "stage"] as const).map(async (kind) => {
      const { drivers, failures } = await listDrivers(kinds[kind]);
      return { kind, names: [...drivers, ...failures].map((driver) => driver.name) };
    }),
  );
  const [first, second] = known.filter(({ names }) => names.includes(name));
  if (first && second)
    throw new CytoError("USAGE", `There is a camera ${name} and a stage ${name}.`, {
      remedy: "Say which: --kind camera, or --kind stage.",
    });
  if (first) return first.kind;
  const nearest = nearestKey(
    name,
    known.flatMap(({ names }) => names),
  );
  throw new CytoError("USAGE", `There is no driver ${JSON.stringify(name)}.`, {
    remedy: `${nearest === undefined ? "" : `Did you mean ${nearest}? `}See \`cytostream devices list\`.`,
    context: { name, nearest },
  });
}

/**
 * The driver of that name, and its options as `camera.options` or `stage.options` of the configuration would have them.
 * @throws CytoError USAGE where there is none, or one of each kind and none is chosen; CONFIG_UNKNOWN_KEY, CONFIG_INVALID; DRIVER_INVALID
 */
export async function namedDevice(name: string, options: DeviceOptions): Promise<NamedDevice> {
  const kind = options.kind ?? (await kindOf(name));
  const settings = options.set.map((setting) => `${kind}.options.${setting}`);
  const given = (await loadConfig({ settings }))[kind].options;
  const path = `${kind}.options`;
  const { source } = options;
  if (kind === "camera") {
    const driver = await loadCamera(name);
    return {
      kind,
      driver,
      source,
      options: { ...(loadDriverOptions(driver.manifest.options, given, path) as object) },
    };
  }
  const driver = await loadStage(name);
  return { kind, driver, source, options: { ...(loadDriverOptions(driver.manifest.options, given, path) as object) } };
}

/** Aborts at the first SIGINT or SIGTERM: what moves is halted, and what is open is closed. */
export async function untilInterrupted(use: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const interrupted = 130;
  const abort = new AbortController();
  const stop = (): void => abort.abort();
  process.once("SIGINT", stop).once("SIGTERM", stop);
  try {
    await use(abort.signal);
  } catch (error) {
    if (!abort.signal.aborted) throw error;
  } finally {
    process.removeListener("SIGINT", stop).removeListener("SIGTERM", stop);
    if (abort.signal.aborted) process.exitCode = interrupted;
  }
}
