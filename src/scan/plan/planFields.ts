import type { PointUm } from "../../counting/index.js";
import { battlement } from "./battlement.js";
import { boundsOf, coverRegion, type FieldPlan, type FieldSizeUm, invalidPlan, toAndFro } from "./grid.js";
import type { MonolayerPlan } from "./monolayer.js";
import type { ScanPlan } from "./plan.js";

/** Plans whose fields are known before anything is seen. */
export type FixedPlan = Exclude<ScanPlan, MonolayerPlan>;

/** Places once each, in the order in which they were given. */
const distinct = (centresUm: readonly PointUm[]): PointUm[] => {
  const known = new Set<string>();
  return centresUm.flatMap(({ x, y }) => {
    const key = `${x} ${y}`;
    if (known.has(key)) return [];
    known.add(key);
    return [{ x, y }];
  });
};

const centresOf = (plan: FixedPlan, field: FieldSizeUm): PointUm[] => {
  switch (plan.kind) {
    case "list":
      return distinct(plan.centresUm);
    case "serpentine":
      return toAndFro(coverRegion(plan.region, field, plan.overlap));
    case "battlement":
      return battlement(coverRegion(plan.region, field, plan.overlap), plan);
  }
};

/**
 * The fields of a plan, in order: the same for the same plan and field. Fields stay within the plan's region where it is not smaller
 * than a field; a list is taken as it is, places given twice once.
 * @throws CytoError SCAN_PLAN_INVALID where it takes too many fields, or a field has no size
 */
export const planFields = (plan: FixedPlan, field: FieldSizeUm): FieldPlan => {
  if (!(field.width > 0 && field.height > 0)) throw invalidPlan(`a field of ${field.width} x ${field.height} um`);
  const centresUm = centresOf(plan, field);
  return { centresUm, boundsUm: boundsOf(centresUm, field) };
};
