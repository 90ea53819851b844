import { type Command, InvalidArgumentError } from "commander";
import type { MicroscopeStatus, StageAction } from "../scan/index.js";
import { askDaemon, type DataDirectoryOptions, openLaboratory, userName, withDataDirectory } from "./laboratory.js";
import { printResult, runningDaemon, statusLine } from "./microscopeDaemon.js";

const number = (text: string): number => {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("a number is due, um");
  return value;
};

const act = async (action: StageAction, options: DataDirectoryOptions): Promise<void> => {
  const url = await runningDaemon(await openLaboratory(options));
  const status = (await askDaemon(url, "/v1/microscope/stage", { ...action, by: userName() })) as MicroscopeStatus;
  printResult(status, statusLine(status), options);
};

const status = async (options: DataDirectoryOptions): Promise<void> => {
  const url = await runningDaemon(await openLaboratory(options));
  const found = (await askDaemon(url, "/v1/microscope")) as MicroscopeStatus;
  printResult(found, statusLine(found), options);
};

const inPlace = (x: number, y: number, z: number | undefined) => ({ x, y, ...(z === undefined ? {} : { z }) });

/** `cytostream stage`: the stage by hand, through the daemon that holds it. */
export const register = (program: Command): void => {
  const stage = program
    .command("stage")
    .summary("the stage by hand")
    .description("The stage by hand: where it is, homing, moving, stopping")
    .addHelpText(
      "after",
      "\nPositions are those of the slide, um; negative ones follow `--`: cytostream stage move -- -50 0",
    );
  withDataDirectory(stage.command("status").description("where it is, and what it does")).action(status);
  withDataDirectory(stage.command("home").description("find the origin by the stage's switches; it moves")).action(
    (options: DataDirectoryOptions) => act({ action: "home" }, options),
  );
  withDataDirectory(stage.command("declare"))
    .description("say where it stands, for stages without switches; nothing moves")
    .argument("<X>", "um", number)
    .argument("<Y>", "um", number)
    .argument("[Z]", "um", number)
    .action((x: number, y: number, z: number | undefined, options: DataDirectoryOptions) =>
      act({ action: "declare", positionUm: inPlace(x, y, z) }, options),
    );
  withDataDirectory(stage.command("move"))
    .description("go there")
    .argument("<X>", "um", number)
    .argument("<Y>", "um", number)
    .argument("[Z]", "um", number)
    .option("--relative", "from where it stands", false)
    .action(
      (x: number, y: number, z: number | undefined, options: DataDirectoryOptions & { readonly relative: boolean }) =>
        act({ action: "move", to: inPlace(x, y, z), relative: options.relative }, options),
    );
  withDataDirectory(stage.command("stop").description("halt at once; nothing moves before `release`")).action(
    (options: DataDirectoryOptions) => act({ action: "stop" }, options),
  );
  withDataDirectory(stage.command("release").description("the way is clear: it may move again")).action(
    (options: DataDirectoryOptions) => act({ action: "release" }, options),
  );
};
