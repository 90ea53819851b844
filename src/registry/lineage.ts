import { z } from "zod";
import { CytoError } from "../core/index.js";
import { readBeside } from "./beside.js";
import type { ModelLineage } from "./desk.js";

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/, "64 lower-case hexadecimal digits");

const lineageSchema = z.strictObject({
  parent: z.string().regex(/^[a-z0-9-]+@[0-9A-Za-z.+-]+$/, "name@version"),
  parentSha256: sha256Schema,
  dataSha256: sha256Schema,
  codeVersion: z.string().min(1),
  seed: z.int().min(0),
  job: z.string().min(1),
  trainedAtMs: z.number().min(0),
});

export const lineageFile = "lineage.json";

/** @throws CytoError MODEL_INVALID naming what is wrong */
export const parseLineage = (value: unknown, origin: string): ModelLineage => {
  const result = lineageSchema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new CytoError("MODEL_INVALID", `${origin}: ${issue?.path.join(".")}: ${issue?.message}`);
};

/** Where a model comes from; undefined for one that came with the program. @throws CytoError MODEL_INVALID */
export const readLineage = (directory: string): Promise<ModelLineage | undefined> =>
  readBeside(directory, lineageFile, parseLineage);
