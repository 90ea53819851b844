import { readFile } from "node:fs/promises";
import { z } from "zod";
import { CytoError, type Random } from "../../core/index.js";
import { type MaskStatistics, OutlineLibrary, parseStatistics, type Stain, stainSchema } from "../masks/index.js";

const sourcesSchema = z.strictObject({
  version: z.literal(1),
  data: z.array(z.string()),
  statistics: z.unknown(),
  outlines: z.unknown(),
  stains: z.array(stainSchema).min(1),
});

/** What masks are drawn from at random: a painter's folder holds it, so that it needs no data set. */
export interface MaskSources {
  /** Names of the data sets that it was taken from. */
  readonly data: readonly string[];
  readonly statistics: MaskStatistics;
  readonly outlines: OutlineLibrary;
  /** Of real fields, one or more. */
  readonly stains: readonly Stain[];
}

/** One of the stains, each with the same chance. */
export const drawStain = ({ stains }: Pick<MaskSources, "stains">, random: Random): Stain =>
  stains[random.int(stains.length)]!;

export const maskSourcesJson = ({ data, statistics, outlines, stains }: MaskSources): string =>
  `${JSON.stringify({ version: 1, data, statistics, outlines: outlines.toJson(), stains })}\n`;

/** @throws CytoError MODEL_INVALID for what is no such file */
export const parseMaskSources = (text: string, origin: string): MaskSources => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new CytoError("MODEL_INVALID", `${origin} is not JSON`, { cause: error });
  }
  const result = sourcesSchema.safeParse(value);
  if (!result.success) {
    const issue = result.error.issues[0];
    throw new CytoError("MODEL_INVALID", `${origin}: ${issue?.path.join(".")}: ${issue?.message}`);
  }
  const { data, stains } = result.data;
  return {
    data,
    statistics: parseStatistics(result.data.statistics),
    outlines: OutlineLibrary.fromJson(result.data.outlines),
    stains,
  };
};

/** @throws CytoError MODEL_NOT_FOUND, MODEL_INVALID */
export const readMaskSources = async (path: string): Promise<MaskSources> => {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw new CytoError("MODEL_NOT_FOUND", `${path} cannot be read`, { cause: error });
  });
  return parseMaskSources(text, path);
};
