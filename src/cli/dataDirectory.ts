import { stat } from "node:fs/promises";
import { setTimeout as pass } from "node:timers/promises";
import { backoffDelayMs, CytoError } from "../core/index.js";
import type { LabelReceipt, StoredPicture } from "../labels/index.js";
import { type LabelIntake, type OpenLabelDesk, openLabelDatabase, openLabelDesk } from "../labels/index.js";
import { directoryHolder, type LaboratoryPaths, lockDirectory } from "../store/index.js";
import { daemonError, type LaboratoryOptions, openLaboratory } from "./laboratory.js";

/** @throws CytoError CONFIG_* */
export const pathsOf = async (options: LaboratoryOptions): Promise<LaboratoryPaths> =>
  (await openLaboratory(options)).paths;

/** @throws CytoError DATA_DIRECTORY_NOT_FOUND */
export const requireLaboratory = async (paths: LaboratoryPaths): Promise<void> => {
  if (!(await stat(paths.database).catch(() => undefined)))
    throw new CytoError("DATA_DIRECTORY_NOT_FOUND", `${paths.root} has no laboratory.db`);
};

const withOwnDesk = async <T>(paths: LaboratoryPaths, act: (desk: OpenLabelDesk) => Promise<T>): Promise<T> => {
  await using _lock = await lockDirectory(paths);
  await using database = await openLabelDatabase(paths);
  await using desk = openLabelDesk(paths, database);
  return await act(desk);
};

/** Looks at the labels, beside whoever holds the data directory. @throws CytoError DATA_DIRECTORY_NOT_FOUND, STORE_* */
export const readLabels = async <T>(paths: LaboratoryPaths, act: (desk: OpenLabelDesk) => Promise<T>): Promise<T> => {
  await requireLaboratory(paths);
  if ((await directoryHolder(paths)) === undefined) return withOwnDesk(paths, act);
  await using database = await openLabelDatabase(paths, { readOnly: true });
  await using desk = openLabelDesk(paths, database, true);
  return await act(desk);
};

const backoff = { initialDelayMs: 50, maxDelayMs: 2000 };
const attempts = 12;

/** The daemon's desk over HTTP; what is turned away for being too much is sent again a little later. */
export const daemonIntake = (url: string): LabelIntake => {
  const post = async <T>(path: string, type: string, body: Uint8Array | string): Promise<T> => {
    for (let attempt = 1; ; attempt++) {
      const response = await fetch(new URL(path, url), {
        ...{ method: "POST", headers: { "content-type": type } },
        body: typeof body === "string" ? body : Buffer.from(body),
      }).catch((cause: unknown) => {
        throw new CytoError("DATA_DIRECTORY_BUSY", `the daemon at ${url} does not answer`, { cause });
      });
      if (response.ok) return (await response.json()) as T;
      const error = daemonError(await response.json().catch(() => undefined), response.status);
      if (!error.retryable || attempt === attempts) throw error;
      await pass(backoffDelayMs(attempt, backoff, Math.random));
    }
  };
  return {
    addPicture: (bytes) => post<StoredPicture>("/v1/pictures", "application/octet-stream", bytes),
    submit: (label) => post<LabelReceipt>("/v1/labels", "application/json", JSON.stringify(label)),
  };
};

/** Hands labels in: to the daemon that holds the data directory, or straight into it. @throws CytoError DATA_DIRECTORY_BUSY, STORE_* */
export const handInLabels = async <T>(paths: LaboratoryPaths, act: (intake: LabelIntake) => Promise<T>): Promise<T> => {
  const holder = await directoryHolder(paths);
  if (holder === undefined)
    return withOwnDesk(paths, async (desk) => {
      const result = await act(desk);
      await desk.grouped();
      return result;
    });
  if (holder.url === undefined)
    throw new CytoError("DATA_DIRECTORY_BUSY", `Process ${holder.pid} works in ${paths.root}, and cannot be asked yet`);
  return await act(daemonIntake(holder.url));
};

/** One JSON object, or lines. */
export const printResult = (result: unknown, json: boolean | undefined, lines: () => readonly string[]): void => {
  const text = json ? [JSON.stringify(result, null, 2)] : lines();
  process.stdout.write(text.map((line) => `${line}\n`).join(""));
};
