import { z } from "zod";
import { CytoError, cellClasses, densityClasses, leukocyteClasses } from "../core/index.js";
import { isVersion } from "./version.js";

const nameSchema = z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, "lower-case letters, digits and hyphens");
const versionSchema = z.string().refine(isVersion, "a semantic version, e.g. 1.2.0");
const fileSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, "the bare name of a file in the model's folder");
const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/, "64 lower-case hexadecimal digits");
const fractionSchema = z.number().min(0).max(1);

const tensorSchema = z.strictObject({
  name: z.string().min(1),
  type: z.string().min(1),
  shape: z.array(z.union([z.int().min(-1), z.string().min(1), z.null()])).max(8),
});

const trainingSchema = z.strictObject({
  command: z.string(),
  seed: z.int(),
  data: z.union([z.string(), z.array(z.string())]),
  steps: z.int().min(0),
  seconds: z.number().min(0),
});

const common = {
  name: nameSchema,
  version: versionSchema,
  file: fileSchema,
  sha256: sha256Schema,
  classes: z.array(z.string()),
  umPerPixel: z.number().positive(),
  inputs: z.array(tensorSchema).min(1),
  outputs: z.array(tensorSchema).min(1),
  /** The same network in another arithmetic, each a file of its own with its own hash. */
  variants: z
    .array(z.strictObject({ precision: z.literal(["int8"]), file: fileSchema, sha256: sha256Schema }))
    .optional(),
  training: trainingSchema,
  figures: z.record(z.string(), z.json()),
};

const detectorManifestSchema = z.strictObject({
  ...common,
  kind: z.literal("detector"),
  stride: z.literal([1, 2, 4, 8]),
  detector: z.strictObject({
    thresholds: z.strictObject({ erythrocyte: fractionSchema, leukocyte: fractionSchema, platelet: fractionSchema }),
    nmsWithinClass: fractionSchema,
    nmsAcrossClasses: fractionSchema,
    referenceRedCellPx: z.number().min(4).max(512),
  }),
});

const classifierManifestSchema = z.strictObject({
  ...common,
  kind: z.literal("classifier"),
  stride: z.int().positive().optional(),
  classifier: z.strictObject({
    cropUm: z.number().positive(),
    cropPx: z.int().min(8).max(1024),
    temperature: z.number().positive(),
    unsureBelow: fractionSchema,
  }),
});

/** Position masks of all classes, of nuclei, and the gradient mask. */
export const paintedPlanes = cellClasses.length + 2;
const stainNumbers = 9;

const painterManifestSchema = z.strictObject({
  ...common,
  kind: z.literal("painter"),
  /** Statistics of masks, outlines and stains, to draw masks at random from. */
  masks: z.strictObject({ file: fileSchema, sha256: sha256Schema }),
  painter: z.strictObject({
    method: z.literal(["cgan", "pix2pix", "pix2pix-md", "mcgan"]),
    noisePlanes: z.int().min(0).max(16),
    /** Sides of a painted picture are multiples of this, px. */
    multiple: z.int().min(1).max(256),
    /** Diameter of a red cell on a painted picture, px. */
    redCellPx: z.number().min(4).max(512),
  }),
});

const featuresManifestSchema = z.strictObject({
  ...common,
  kind: z.literal("features"),
  features: z.strictObject({
    /** Number of features. */
    dimensions: z.int().min(1).max(4096),
    /** Side of the pictures that the features were chosen on, px, and the diameter of a red cell on them. */
    patchPx: z.int().min(16).max(4096),
    redCellPx: z.number().min(4).max(512),
  }),
});

const manifestSchema = z.discriminatedUnion("kind", [
  detectorManifestSchema,
  classifierManifestSchema,
  painterManifestSchema,
  featuresManifestSchema,
]);

export type DetectorManifest = z.infer<typeof detectorManifestSchema>;
export type ClassifierManifest = z.infer<typeof classifierManifestSchema>;
export type PainterManifest = z.infer<typeof painterManifestSchema>;
export type FeaturesManifest = z.infer<typeof featuresManifestSchema>;
/** manifest.json of a model folder. */
export type ModelManifest = DetectorManifest | ClassifierManifest | PainterManifest | FeaturesManifest;

type Tensors = ModelManifest["inputs"];
interface Expected {
  readonly name: string;
  readonly type: string;
  /** -1 where any length is right. */
  readonly shape: readonly number[];
}

/** A free dimension of a manifest fits any; a fixed one must be the expected one. */
const dimensionFits = (dimension: number | string | null | undefined, expected: number): boolean =>
  typeof dimension !== "number" || dimension < 0 || expected < 0 || dimension === expected;

const tensorFault = (tensors: Tensors, expected: Expected): string | undefined => {
  const found = tensors.find(({ name }) => name === expected.name);
  const wanted = `${expected.name}: ${expected.type} [${expected.shape.map((n) => (n < 0 ? "*" : n)).join(",")}]`;
  if (!found) return `lacks ${wanted}`;
  const fits =
    found.type === expected.type &&
    found.shape.length === expected.shape.length &&
    expected.shape.every((length, i) => dimensionFits(found.shape[i], length));
  return fits ? undefined : `has ${found.name}: ${found.type} [${found.shape.join(",")}] instead of ${wanted}`;
};

interface Contract {
  readonly inputs: readonly Expected[];
  readonly outputs: readonly Expected[];
  readonly classes: readonly string[];
}

const detectorContract: Contract = {
  classes: densityClasses,
  inputs: [{ name: "field", type: "uint8", shape: [1, -1, -1, 4] }],
  outputs: [
    { name: "density", type: "float32", shape: [1, densityClasses.length, -1, -1] },
    { name: "extent", type: "float32", shape: [1, 4 * densityClasses.length, -1, -1] },
  ],
};

const contractOf = (manifest: ModelManifest): Contract => {
  if (manifest.kind === "detector") return detectorContract;
  if (manifest.kind === "classifier") {
    const { cropPx } = manifest.classifier;
    return {
      classes: leukocyteClasses,
      inputs: [{ name: "crops", type: "uint8", shape: [-1, cropPx, cropPx, 3] }],
      outputs: [{ name: "logits", type: "float32", shape: [-1, leukocyteClasses.length] }],
    };
  }
  if (manifest.kind === "features") {
    return {
      classes: [],
      inputs: [{ name: "pictures", type: "uint8", shape: [-1, -1, -1, 3] }],
      outputs: [{ name: "features", type: "float32", shape: [-1, manifest.features.dimensions] }],
    };
  }
  const { noisePlanes } = manifest.painter;
  return {
    classes: cellClasses,
    inputs: [
      { name: "masks", type: "float32", shape: [-1, paintedPlanes, -1, -1] },
      { name: "stain", type: "float32", shape: [-1, stainNumbers] },
      ...(noisePlanes > 0 ? [{ name: "noise", type: "float32", shape: [-1, noisePlanes, -1, -1] }] : []),
    ],
    outputs: [{ name: "picture", type: "float32", shape: [-1, 3, -1, -1] }],
  };
};

/** What is wrong with the classes and tensors that a manifest declares, or undefined. */
const contractFault = (manifest: ModelManifest): string | undefined => {
  const { inputs, outputs, classes } = contractOf(manifest);
  if (manifest.classes.join() !== classes.join())
    return `classes are [${manifest.classes.join(", ")}] instead of [${classes.join(", ")}]`;
  if (manifest.inputs.length !== inputs.length)
    return `has ${manifest.inputs.length} inputs instead of ${inputs.length}`;
  if (manifest.outputs.length !== outputs.length)
    return `has ${manifest.outputs.length} outputs instead of ${outputs.length}`;
  for (const tensor of inputs) {
    const fault = tensorFault(manifest.inputs, tensor);
    if (fault) return `input ${fault}`;
  }
  for (const tensor of outputs) {
    const fault = tensorFault(manifest.outputs, tensor);
    if (fault) return `output ${fault}`;
  }
  return undefined;
};

/**
 * A manifest from parsed JSON.
 * @param origin the file's name for messages
 * @throws CytoError MODEL_INVALID naming the first key that is wrong
 */
export const parseManifest = (value: unknown, origin: string): ModelManifest => {
  const result = manifestSchema.safeParse(value);
  if (!result.success) {
    const issue = result.error.issues[0];
    const path = issue?.path.join(".") ?? "";
    const reason = `${path ? `${path}: ` : ""}${issue?.message ?? "not a manifest"}`;
    throw new CytoError("MODEL_INVALID", `${origin}: ${reason}`, { context: { origin, path } });
  }
  const fault = contractFault(result.data);
  if (fault) throw new CytoError("MODEL_INVALID", `${origin}: ${fault}`, { context: { origin } });
  return result.data;
};
