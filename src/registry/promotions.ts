import { z } from "zod";
import { CytoError } from "../core/index.js";
import { type Journal, openJournal, readJournal } from "../store/index.js";
import { type Promotion, type ServingKind, servingKinds } from "./desk.js";

const modelSchema = z.string().regex(/^[a-z0-9][a-z0-9-]*@[0-9A-Za-z.+-]+$/);

const promotionSchema = z.strictObject({
  atMs: z.number(),
  kind: z.enum(["initial", "promotion", "rollback"]),
  network: z.enum(servingKinds),
  model: modelSchema,
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  before: modelSchema.optional(),
  by: z.string(),
  reason: z.string(),
});

/** @throws CytoError STORE_DAMAGED */
export const parsePromotion = (value: unknown): Promotion => {
  const result = promotionSchema.safeParse(value);
  if (!result.success) throw new CytoError("STORE_DAMAGED", "a line of the journal of promotions is none");
  const { before, ...rest } = result.data;
  return before === undefined ? rest : { ...rest, before };
};

export const openPromotions = (path: string): Promise<Journal<Promotion>> => openJournal(path, parsePromotion);

export const readPromotions = (path: string): Promise<Promotion[]> => readJournal(path, parsePromotion);

/** What is in production of a kind, by the newest entry; undefined before the first. */
export const activeOf = (entries: readonly Promotion[], network: ServingKind): Promotion | undefined =>
  entries.findLast((entry) => entry.network === network);

/** Entries that have not been taken back, oldest first: a rollback takes back the newest that is left. */
const standing = (entries: readonly Promotion[]): Promotion[] => {
  const stack: Promotion[] = [];
  for (const entry of entries) {
    if (entry.kind !== "rollback") stack.push(entry);
    else {
      const index = stack.findLastIndex(({ network, kind }) => network === entry.network && kind === "promotion");
      if (index >= 0) stack.splice(index, 1);
    }
  }
  return stack;
};

export interface RollbackStep {
  readonly network: ServingKind;
  /** In production now. */
  readonly from: Promotion;
  /** What was before it. */
  readonly to: Promotion;
}

/**
 * One step back: the newest promotion that has not been taken back, and what was in production of its kind before it. Asked
 * again after a rollback it leads one step further.
 * @throws CytoError ROLLBACK_IMPOSSIBLE
 */
export const rollbackStep = (entries: readonly Promotion[]): RollbackStep => {
  const stack = standing(entries);
  const from = stack.findLast(({ kind }) => kind === "promotion");
  const to = from && stack.slice(0, stack.indexOf(from)).findLast(({ network }) => network === from.network);
  if (!from || !to) throw new CytoError("ROLLBACK_IMPOSSIBLE", "no promotion is left that could be taken back");
  return { network: from.network, from, to };
};

/** What was in production at a time: the newest entry of each kind up to then, newest first. */
export const inProductionAt = (entries: readonly Promotion[], atMs: number): Promotion[] => {
  const until = entries.filter((entry) => entry.atMs <= atMs);
  const newest = servingKinds.flatMap((network) => activeOf(until, network) ?? []);
  return newest.sort((a, b) => b.atMs - a.atMs);
};
