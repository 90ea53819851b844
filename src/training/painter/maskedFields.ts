import { availableParallelism } from "node:os";
import type { Worker } from "node:worker_threads";
import { CytoError, type ErrorCode, spawnWorker } from "../../core/index.js";
import { loadFieldPictures, type StoredField } from "../datasets/fieldPictures.js";
import type { LabelledField } from "../datasets/index.js";
import { type FieldMask, maskOfField, type Stain, stainOf, usualStain } from "../masks/index.js";

/** A real field with its mask, both at the same scale. */
export interface MaskedField {
  readonly field: StoredField;
  readonly mask: FieldMask;
}

/** Diameter of a red cell at which fields and masks are kept, px; a little more than they are laid at. */
export const keptRedCellPx = 40;

export interface MaskedFieldOptions {
  readonly onLoaded?: ((done: number, total: number) => void) | undefined;
  /** Threads that fields are read in; default all cores, at most 8. */
  readonly threads?: number | undefined;
}

/** Work for a thread, and what comes of it. */
export interface MaskedFieldsTask {
  readonly fields: readonly LabelledField[];
  readonly usual: Stain;
}
export type MaskedFieldsReply =
  | { readonly masked: readonly MaskedField[] }
  | { readonly error: { readonly code: ErrorCode; readonly message: string } };

export const maskFields = async ({ fields, usual }: MaskedFieldsTask): Promise<readonly MaskedField[]> => {
  const stored = await loadFieldPictures(fields, { redCellPx: keptRedCellPx });
  return stored.map((field) => ({ field, mask: maskOfField(field, usual) }));
};

/** So many fields of a data set tell its usual stain. */
const stainFields = 24;

/** The stain of a data set, of its fields with leukocytes where there are enough of these. */
const usualStainOf = async (fields: readonly LabelledField[]): Promise<Stain> => {
  const nucleated = fields.filter(({ cells }) =>
    cells.some(({ cellClass }) => cellClass !== "erythrocyte" && cellClass !== "platelet"),
  );
  const from = nucleated.length > 0 ? nucleated : fields;
  const step = Math.max(Math.floor(from.length / stainFields), 1);
  const chosen = from.filter((_, index) => index % step === 0).slice(0, stainFields);
  return usualStain((await loadFieldPictures(chosen, { redCellPx: keptRedCellPx })).map((field) => stainOf(field)));
};

const chunkLength = 12;
/** Fewer fields than this are not worth threads of their own. */
const fewFields = 60;
const mostThreads = 8;

const chunksOf = (fields: readonly LabelledField[], usual: Stain): MaskedFieldsTask[] =>
  Array.from({ length: Math.ceil(fields.length / chunkLength) }, (_, index) => ({
    fields: fields.slice(index * chunkLength, (index + 1) * chunkLength),
    usual,
  }));

const ask = (worker: Worker, task: MaskedFieldsTask): Promise<readonly MaskedField[]> =>
  new Promise((resolve, reject) => {
    const fail = (error: unknown) => settle(() => reject(CytoError.from(error)));
    const end = (code: number) => fail(new CytoError("INTERNAL", `A reading thread ended with ${code}`));
    const answer = (reply: MaskedFieldsReply) =>
      "error" in reply
        ? fail(new CytoError(reply.error.code, reply.error.message))
        : settle(() => resolve(reply.masked));
    const settle = (act: () => void) => {
      worker.off("error", fail).off("exit", end).off("message", answer);
      act();
    };
    worker.on("error", fail).on("exit", end).on("message", answer);
    worker.postMessage(task);
  });

/**
 * Reads fields and makes their masks, in threads where they are many; in the fields' order, 0.17 MB a field.
 * @throws CytoError IMAGE_UNREADABLE, DATASET_INVALID where nothing tells a field's scale
 */
export const loadMaskedFields = async (
  fields: readonly LabelledField[],
  { onLoaded, threads = Math.min(availableParallelism(), mostThreads) }: MaskedFieldOptions = {},
): Promise<readonly MaskedField[]> => {
  const byDataset = new Map<string, LabelledField[]>();
  for (const field of fields) byDataset.set(field.dataset, [...(byDataset.get(field.dataset) ?? []), field]);
  const tasks: MaskedFieldsTask[] = [];
  for (const own of byDataset.values()) tasks.push(...chunksOf(own, await usualStainOf(own)));
  const results: (readonly MaskedField[])[] = [];
  let [next, done] = [0, 0];
  const drain = async (run: (task: MaskedFieldsTask) => Promise<readonly MaskedField[]>): Promise<void> => {
    for (let index = next++; index < tasks.length; index = next++) {
      results[index] = await run(tasks[index]!);
      done += tasks[index]!.fields.length;
      onLoaded?.(done, fields.length);
    }
  };
  if (fields.length < fewFields || threads < 2) await drain(maskFields);
  else {
    const workers = Array.from({ length: Math.min(threads, tasks.length) }, () =>
      spawnWorker(new URL("./maskedFieldsWorker.js", import.meta.url)),
    );
    try {
      await Promise.all(workers.map((worker) => drain((task) => ask(worker, task))));
    } finally {
      await Promise.all(workers.map((worker) => worker.terminate()));
    }
  }
  const byField = new Map(results.flat().map((masked) => [`${masked.field.dataset}\n${masked.field.id}`, masked]));
  return fields.map(({ dataset, id }) => byField.get(`${dataset}\n${id}`)!);
};
