import { fingerprintOf } from "../trainer/index.js";
import type { DataIdentities } from "./performUnit.js";
import type { ReproductionSettings } from "./settings.js";
import type { DataKey, Plan, Unit } from "./units.js";

export interface IdentityContext {
  readonly plan: Plan;
  readonly settings: ReproductionSettings;
  readonly data: DataIdentities;
  /** SHA-256 of the network of features, where the plan takes any. */
  readonly features: string | undefined;
}

/** The settings that decide a unit's course, and no others: a painter does not care how long detectors train. */
const settingsOf = (unit: Unit, settings: ReproductionSettings): Partial<ReproductionSettings> => {
  const { painterSteps, painterFields, painterSidePx, painterBatch, detectorSteps, cellsSteps, mostFields } = settings;
  const { canvasPx, batch, ratio, madeFields } = settings;
  switch (unit.kind) {
    case "painter":
      return { painterSteps, painterFields, painterSidePx, painterBatch };
    case "detector":
      return { detectorSteps, canvasPx, batch, ...(unit.arm === "rd" ? {} : { ratio, madeFields }) };
    case "cells":
      return { cellsSteps, ...(unit.arm === "rd" ? {} : { ratio, madeFields }) };
    default:
      return { mostFields };
  }
};

const dataOf = (unit: Unit): readonly DataKey[] => {
  if (unit.kind === "pictures") return ["all"];
  if (unit.kind === "score") return [...new Set([unit.scored, unit.thresholdsOn])];
  if (unit.kind === "painter") return [unit.data];
  return unit.otherStains ? [unit.data, "other"] : [unit.data];
};

/** Everything that decides a unit: what it is, its settings, its data sets, and all that it needs. */
export const identityOf = async (unit: Unit, context: IdentityContext): Promise<Record<string, unknown>> => {
  const needs: Record<string, string> = {};
  for (const name of unit.needs) {
    const need = context.plan.unit(name)!;
    needs[name] = fingerprintOf(JSON.parse(JSON.stringify(await identityOf(need, context))));
  }
  const data: Record<string, unknown> = {};
  for (const key of dataOf(unit)) data[key] = await context.data.of(key);
  return {
    unit: { ...unit, needs: undefined },
    settings: settingsOf(unit, context.settings),
    data,
    needs,
    ...(unit.kind === "pictures" ? { features: context.features } : {}),
  };
};
