import { join } from "node:path";
import { CytoError } from "../core/index.js";
import type { ParameterSetDefinition, ParameterState } from "../engine/index.js";
import { readManifest } from "../registry/index.js";
import { checkpointPath, readCheckpoint } from "./trainer/index.js";

/**
 * Start values from another training's folder: its averaged weights and statistics, with the optimiser's memory empty.
 * @throws CytoError CHECKPOINT_INVALID where there is no checkpoint, or it is of another network
 */
export const warmStart = async (
  directory: string,
  set: ParameterSetDefinition,
  fresh: ParameterState,
): Promise<ParameterState> => {
  const checkpoint = await readCheckpoint(checkpointPath(directory));
  const state = checkpoint?.states[set.name];
  if (state?.average.length !== set.length || state.statistics.length !== fresh.statistics.length) {
    throw new CytoError("CHECKPOINT_INVALID", `${directory} holds no checkpoint of the network ${set.name}`);
  }
  return {
    ...fresh,
    parameters: state.average.slice(),
    average: state.average.slice(),
    statistics: state.statistics.slice(),
  };
};

/** The command that trained what a training started from, for its card; undefined where that is not known. */
export const commandBefore = async (from: string | undefined): Promise<string | undefined> => {
  if (from === undefined) return undefined;
  const manifest = await readManifest(join(from, "model")).catch(() => undefined);
  return manifest?.training.command;
};
