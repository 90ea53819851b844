import { z } from "zod";
import { CytoError } from "../../core/index.js";
import { readBeside } from "../beside.js";
import { type Component, components, type DriftField, SlideSummary } from "./summary.js";

const componentSchema = z.strictObject({
  mean: z.number(),
  /** Between slides. */
  deviation: z.number().positive(),
  /** Between fields of a slide; absent for what only a whole slide can tell. */
  withinSlide: z.number().min(0).optional(),
  slides: z.int().min(1),
});

const referenceSchema = z.strictObject({
  version: z.literal(1),
  slides: z.int().min(0),
  components: z.partialRecord(z.enum(components), componentSchema),
});

export type ComponentReference = z.infer<typeof componentSchema>;

/** How the fields look that the model was validated on: what live fields are held against. JSON-serialisable. */
export type DriftReference = z.infer<typeof referenceSchema>;

/** Slides below which a component is not watched: their scatter could not be told. */
export const leastReferenceSlides = 8;
/** Deviations smaller than this are those of a data set that is all alike, not of microscopes. */
const leastDeviation = 0.005;

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const squaresOf = (values: readonly number[]): number => {
  const mean = meanOf(values);
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
};

const single = (field: DriftField): SlideSummary => {
  const summary = new SlideSummary();
  summary.add(field);
  return summary;
};

/** Standard deviation of fields around their slide's mean. */
const withinSlides = (slides: readonly (readonly DriftField[])[], component: Component): number | undefined => {
  if (component === "leukocytes" || component === "platelets") return undefined;
  let [squares, freedom] = [0, 0];
  for (const fields of slides) {
    const values = fields.flatMap((field) => single(field).value(component) ?? []);
    if (values.length < 2) continue;
    squares += squaresOf(values);
    freedom += values.length - 1;
  }
  return freedom === 0 ? 0 : Math.sqrt(squares / freedom);
};

/**
 * Reference from the validation fields. Deviations are those between slides, widened by what so few slides leave uncertain of mean
 * and deviation (one standard error of the deviation). Where each field is a slide of its own, deviations are those between
 * fields: wider, so alarms come later, never more often.
 */
export const driftReferenceOf = (fields: readonly DriftField[]): DriftReference => {
  const bySlide = new Map<string, DriftField[]>();
  for (const field of fields) bySlide.set(field.slide, [...(bySlide.get(field.slide) ?? []), field]);
  const slides = [...bySlide.values()];
  const found: Partial<Record<Component, ComponentReference>> = {};
  for (const component of components) {
    const values = slides.flatMap((slide) => {
      const summary = new SlideSummary();
      for (const field of slide) summary.add(field);
      return summary.value(component) ?? [];
    });
    if (values.length < leastReferenceSlides) continue;
    const freedom = values.length - 1;
    const widened = (1 + 1 / Math.sqrt(2 * freedom)) * Math.sqrt(1 + 1 / values.length);
    const deviation = Math.max(leastDeviation, widened * Math.sqrt(squaresOf(values) / freedom));
    const withinSlide = withinSlides(slides, component);
    found[component] = {
      ...{ mean: meanOf(values), deviation, slides: values.length },
      ...(withinSlide === undefined ? {} : { withinSlide }),
    };
  }
  return { version: 1, slides: slides.length, components: found };
};

/** @throws CytoError MODEL_INVALID where it is none */
export const parseDriftReference = (value: unknown, origin: string): DriftReference => {
  const result = referenceSchema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new CytoError("MODEL_INVALID", `${origin}: ${issue?.path.join(".")}: ${issue?.message}`);
};

/** Beside a model's manifest. */
export const driftFile = "drift.json";

/** The reference that was made with a model; undefined where none was. @throws CytoError MODEL_INVALID */
export const readDriftReference = (directory: string): Promise<DriftReference | undefined> =>
  readBeside(directory, driftFile, parseDriftReference);
