import { type Command, Option } from "commander";
import { type DriverManifest, type FoundCamera, listDrivers, loadCamera } from "../../drivers/index.js";
import { CytoError } from "../core/index.js";
import { conformance, defaultLimitsUm, parseLimits } from "./deviceConformance.js";
import { type DeviceOptions, type NamedDevice, namedDevice, untilInterrupted } from "./namedDevice.js";
import { listSerialPorts } from "./serialPorts.js";

const describeDriver = ({ name, title, simulated, sourceSyntax }: DriverManifest) => ({
  name,
  title,
  simulated,
  source: sourceSyntax,
});

const listKind = async (kind: "cameras" | "stages") => {
  const { drivers, failures } = await listDrivers(kind);
  return {
    drivers: drivers.map(describeDriver),
    failures: failures.map(({ name, error }) => ({ name, code: error.code, message: error.message })),
  };
};

/** Cameras that are connected, as far as their drivers can tell. */
const connectedCameras = async (): Promise<readonly (FoundCamera & { readonly driver: string })[]> => {
  const { drivers } = await listDrivers("cameras");
  const found = await Promise.all(
    drivers.map(async ({ name }) => {
      const cameras = await loadCamera(name)
        .then((driver) => driver.find?.())
        .catch(() => undefined);
      return (cameras ?? []).map((camera) => ({ driver: name, ...camera }));
    }),
  );
  return found.flat();
};

async function list({ json = false }: { readonly json?: boolean }): Promise<void> {
  const [cameras, stages, connected, ports] = await Promise.all([
    listKind("cameras"),
    listKind("stages"),
    connectedCameras(),
    listSerialPorts(),
  ]);
  if (json) {
    process.stdout.write(`${JSON.stringify({ cameras, stages, connected, ports }, null, 2)}\n`);
    return;
  }
  const lines: string[] = [];
  for (const [kind, { drivers, failures }] of [["camera", cameras] as const, ["stage", stages] as const]) {
    for (const { name, title, simulated, source } of drivers)
      lines.push(
        `${kind.padEnd(6)}  ${name.padEnd(12)}  ${title}${simulated ? " (simulated)" : ""}; source: ${source}`,
      );
    for (const { name, code, message } of failures)
      lines.push(`${kind.padEnd(6)}  ${name.padEnd(12)}  BROKEN: ${code}: ${message}`);
  }
  for (const { driver, source, title } of connected)
    lines.push(`found   ${driver.padEnd(12)}  ${source}${title === undefined ? "" : `  ${title}`}`);
  if (connected.length === 0) lines.push("found   no camera that a search finds");
  for (const { path, manufacturer } of ports) lines.push(`port    ${path}${manufacturer ? `  ${manufacturer}` : ""}`);
  if (ports.length === 0) lines.push("port    no serial port is connected");
  process.stdout.write(`${lines.join("\n")}\n`);
}

/** What a device says of itself. */
type Findings = Readonly<Record<string, unknown>> & { readonly kind: string; readonly name: string };

const onNotice = (notice: string): void => void process.stderr.write(`${notice}\n`);

async function probeStage(device: NamedDevice & { readonly kind: "stage" }, signal: AbortSignal): Promise<Findings> {
  const { driver, source, options, kind } = device;
  await using stage = await driver.open({ source, options, limitsUm: {}, signal, onNotice });
  const { identity, axes, referenced, canHome } = stage;
  const positionUm = await stage.position();
  return { kind, ...describeDriver(driver.manifest), source, identity, axes, positionUm, referenced, canHome };
}

async function probeCamera(device: NamedDevice & { readonly kind: "camera" }, signal: AbortSignal): Promise<Findings> {
  const { driver, source, options, kind } = device;
  await using camera = await driver.open({ source, options, signal, onNotice });
  for await (const { width, height, source: origin } of camera.frames())
    return { kind, ...describeDriver(driver.manifest), source: origin, width, height };
  throw new CytoError("CAMERA_DISCONNECTED", `The camera ${driver.manifest.name} gave no frame.`);
}

const textOf = (value: unknown): string => {
  if (Array.isArray(value)) return value.join(", ");
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value !== "object" || value === null) return String(value);
  return Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .map(([key, inner]) => `${key} ${typeof inner === "number" ? Number(inner.toFixed(3)) : String(inner)}`)
    .join(", ");
};

const probe = (name: string, options: DeviceOptions): Promise<void> =>
  untilInterrupted(async (signal) => {
    const device = await namedDevice(name, options);
    const found = device.kind === "camera" ? await probeCamera(device, signal) : await probeStage(device, signal);
    const lines = Object.entries(found)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => `${key.padEnd(10)}  ${textOf(value)}`);
    process.stdout.write(`${options.json ? JSON.stringify(found, null, 2) : lines.join("\n")}\n`);
  });

const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value];

const withDevice = (command: Command): Command =>
  command
    .argument("<NAME>", "driver, as `devices list` names it")
    .option("--source <SOURCE>", "serial port, address or whatever the driver opens")
    .addOption(new Option("--kind <KIND>", "where a camera and a stage have the name").choices(["camera", "stage"]))
    .option("--set <KEY=VALUE>", "an option of the driver, as often as needed", collect, [])
    .option("--json", "print JSON");

const help = `
\`list\` and \`probe\` move nothing. \`conformance\` MOVES a stage, within --limits, and does so only with --yes.

Examples:
  cytostream devices list
  cytostream devices probe grbl --source /dev/ttyUSB0
  cytostream devices probe virtual --kind camera --json
  cytostream devices conformance prior --source /dev/ttyUSB0 --limits x=0:2000,y=0:2000 --yes
  cytostream devices conformance zaber --source /dev/ttyACM0 --set axes.z.device=2 --limits x=0:1000,y=0:1000,z=-10:10 --yes`;

/** `cytostream devices`: what is connected, whether it answers, and whether it does what its driver promises. */
export const register = (program: Command): void => {
  const devices = program
    .command("devices")
    .summary("find, probe and examine cameras and stages")
    .description(
      "Cameras and stages: which drivers and ports there are, what answers, and whether it keeps its promises.",
    )
    .addHelpText("after", help);
  devices
    .command("list")
    .description(
      "Lists the drivers of cameras and stages, those that cannot be loaded, the cameras that are found (GigE and USB3 Vision, Video4Linux), and the serial ports.",
    )
    .option("--json", "print JSON: cameras and stages {drivers, failures}, connected, ports")
    .action(list);
  withDevice(devices.command("probe"))
    .description("Opens a device and prints what it says of itself; a stage does not move, a camera gives one frame.")
    .action(probe);
  withDevice(devices.command("conformance"))
    .description("Runs the suite that every driver must pass against a device. Exit code 1 where a check fails.")
    .addOption(
      new Option(
        "--limits <LIMITS>",
        "where a stage may go, um, e.g. x=0:1000,y=0:1000,z=-10:10; z stays without a range",
      )
        .argParser(parseLimits)
        .default(defaultLimitsUm, "x=0:1000,y=0:1000"),
    )
    .option("--home", "let a stage look for its switches too, beyond the limits", false)
    .option("--yes", "the way is clear: the stage may move", false)
    .action(conformance);
};
