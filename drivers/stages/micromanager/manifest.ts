import { z } from "zod";
import type { DriverManifest } from "../../contract.js";
import { configurationShape } from "../../micromanager/configuration.js";

export const micromanagerStageOptionsSchema = z.strictObject({
  ...configurationShape,
  xyStage: z
    .string()
    .min(1)
    .optional()
    .describe("Label of the XY stage; without it, the one that the configuration names"),
  focus: z
    .union([z.string().min(1), z.literal(false)])
    .optional()
    .describe("Label of the focus stage; without it, the one that the configuration names, if any; false: none"),
  canHome: z
    .boolean()
    .default(false)
    .describe("The XY stage finds its origin by switches; Micro-Manager does not tell"),
  referenced: z
    .boolean()
    .default(false)
    .describe("The controller keeps its position while it is off: take what it reports for true from the start"),
  moveTimeoutMs: z
    .int()
    .min(100)
    .max(600_000)
    .default(60_000)
    .describe("Longest time of a move, ms; a stage that moves still is stopped then"),
});
export type MicromanagerStageOptions = z.output<typeof micromanagerStageOptionsSchema>;

export const manifest: DriverManifest<MicromanagerStageOptions> = {
  name: "micromanager",
  title: "Micro-Manager",
  description: "Any XY and focus stage that Micro-Manager has an adapter for. Needs a Python with pymmcore-nano.",
  simulated: false,
  sourceSyntax: "a configuration file of Micro-Manager, e.g. scope.cfg; none where the option `devices` lists them",
  options: micromanagerStageOptionsSchema,
};
