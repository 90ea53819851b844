import type { Command } from "commander";
import { configFile, loadConfig } from "../config/index.js";
import { runDaemon } from "../main.js";
import { programVersion } from "./version.js";

interface RunOptions {
  readonly config?: string;
  readonly camera?: string;
  readonly source?: string;
  readonly set: readonly string[];
}

const help = `
The daemon needs no configuration: without any it shows a virtual slide, and says so in every result.
Open the address that it prints; programs connect to /v1/stream (docs/protocol.md).
SIGINT (Ctrl-C) or SIGTERM stop it: frames already taken are counted, everything is closed, 10 s at most.

Examples:
  cytostream run
  cytostream run --camera folder --source smears/
  cytostream run --camera folder --source 'smears/**/*.tif' --set camera.options.repeat=true
  cytostream run --camera ffmpeg --source /dev/video0 --set optics.umPerPixel=0.12
  cytostream run --camera ffmpeg --source rtsp://192.0.2.10/stream
  cytostream run --config microscope.yaml --set publication.port=9000

Keys of the configuration: docs/configuration.md. Cameras and what their sources are: cytostream doctor.`;

const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value];

/** `--camera` and `--source` are short for two keys and win over `--set`. */
const settingsOf = ({ camera, source, set }: RunOptions): string[] => [
  ...set,
  ...(camera === undefined ? [] : [`camera.name=${camera}`]),
  ...(source === undefined ? [] : [`camera.source=${source}`]),
];

export const register = (program: Command): void => {
  program
    .command("run")
    .summary("count live from a camera, shown in a browser")
    .description("Starts the daemon: frames from a camera, cells counted live, shown at an address that it prints.")
    .option("--config <file>", "YAML file (also the variable CYTOSTREAM_CONFIG)")
    .option("--camera <name>", "camera driver: virtual, folder, ffmpeg, ...")
    .option("--source <source>", "what the camera opens: a folder, a device, an address, a seed")
    .option("--set <key=value>", "a key of the configuration, as often as needed", collect, [])
    .addHelpText("after", help)
    .action(async (options: RunOptions) => {
      const file = configFile(options.config, process.env);
      const sources = { environment: process.env, settings: settingsOf(options) };
      const config = await loadConfig(file === undefined ? sources : { ...sources, file });
      await runDaemon({ config, version: programVersion() }, (url) => {
        if (process.stdout.isTTY) process.stdout.write(`\n  cytostream is at ${url}  (Ctrl-C stops it)\n\n`);
      });
    });
};
