import { join } from "node:path";

/** Where everything of one laboratory lies: the only folder that a backup needs. */
export interface LaboratoryPaths {
  readonly root: string;
  /** Held by the process that may write, with its id and address. */
  readonly lock: string;
  readonly database: string;
  /** Pictures by the SHA-256 of their bytes: `ab/abcd….jpg`. */
  readonly pictures: string;
  /** `<name>/<version>/`, as under the shipped models/. */
  readonly models: string;
  /** Journal of promotions and rollbacks: the newest entry tells what is in production. */
  readonly promotions: string;
  /** Journal of the gate's decisions. */
  readonly gate: string;
  /** `<id>/` of each job. */
  readonly jobs: string;
  /** `<id>/` of each scan. */
  readonly scans: string;
  /** Calibrations of the optics: journal, the newest of an objective counts. */
  readonly optics: string;
  /** The frozen validation fields: which labelled fields they are, since when. */
  readonly validation: string;
}

export const laboratoryPaths = (root: string): LaboratoryPaths => ({
  root,
  lock: join(root, "lock.json"),
  database: join(root, "laboratory.db"),
  pictures: join(root, "pictures"),
  models: join(root, "models"),
  promotions: join(root, "promotions.journal"),
  gate: join(root, "gate.journal"),
  jobs: join(root, "jobs"),
  scans: join(root, "scans"),
  optics: join(root, "optics.journal"),
  validation: join(root, "validation.journal"),
});
