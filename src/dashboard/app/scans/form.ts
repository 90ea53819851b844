import type { ScanPlan, ScanRequest } from "../../../scan/index.js";

/** The form of a new scan as typed. */
export interface ScanFields {
  readonly slide: string;
  readonly plan: ScanPlan["kind"];
  readonly left: string;
  readonly top: string;
  readonly width: string;
  readonly height: string;
  readonly overlapPercent: string;
  readonly fieldsDeep: string;
  readonly fieldsBetween: string;
  readonly coarseFields: string;
  /** A place a line: x and y, um. */
  readonly places: string;
  readonly focus: ScanRequest["focus"];
  readonly leukocytes: string;
  readonly fields: string;
  readonly areaMm2: string;
  readonly minutes: string;
  readonly limits: string;
}
export type FieldName = keyof ScanFields;
export type Faults = Partial<Record<FieldName, string>>;

export const emptyForm: ScanFields = {
  ...{ slide: "", plan: "serpentine", focus: "map" },
  ...{ left: "", top: "", width: "2000", height: "1500", overlapPercent: "10" },
  ...{ fieldsDeep: "4", fieldsBetween: "2", coarseFields: "40", places: "" },
  ...{ leukocytes: "", fields: "", areaMm2: "", minutes: "", limits: "" },
};

interface Bounds {
  readonly low: number;
  readonly high: number;
  readonly whole?: boolean;
  /** The lower bound itself does not count. */
  readonly above?: boolean;
}

/** As `ScanRequest` has them (docs/asyncapi.yaml). */
const bounds: Partial<Record<FieldName, Bounds>> = {
  left: { low: -1e6, high: 1e6 },
  top: { low: -1e6, high: 1e6 },
  width: { low: 0, high: 1e6, above: true },
  height: { low: 0, high: 1e6, above: true },
  overlapPercent: { low: 0, high: 90 },
  fieldsDeep: { low: 2, high: 1000, whole: true },
  fieldsBetween: { low: 1, high: 1000, whole: true },
  coarseFields: { low: 4, high: 2000, whole: true },
  leukocytes: { low: 1, high: 1e6, whole: true },
  fields: { low: 1, high: 1e6, whole: true },
  areaMm2: { low: 0, high: 1e4, above: true },
  minutes: { low: 0, high: 1440, above: true },
  limits: { low: 0.1, high: 50 },
};
const mostPlaces = 100_000;
const farthestUm = 1e6;

const region = ["left", "top", "width", "height", "overlapPercent"] as const;

/** What a plan is told by. */
export const planFields: Readonly<Record<ScanPlan["kind"], readonly FieldName[]>> = {
  serpentine: region,
  battlement: [...region, "fieldsDeep", "fieldsBetween"],
  monolayer: [...region, "coarseFields"],
  list: ["places"],
};
/** Each may be left empty. */
export const ruleFields = [
  "leukocytes",
  "fields",
  "areaMm2",
  "minutes",
  "limits",
] as const satisfies readonly FieldName[];

const numberOf = (text: string): number => (text.trim() === "" ? Number.NaN : Number(text));

const boundsText = ({ low, high, whole, above }: Bounds): string =>
  above
    ? `A number above ${low}, at most ${high.toLocaleString("en")}`
    : `A ${whole ? "whole " : ""}number from ${low.toLocaleString("en")} to ${high.toLocaleString("en")}`;

const numberFault = (name: FieldName, text: string): string | undefined => {
  const bound = bounds[name];
  if (bound === undefined) return undefined;
  const value = numberOf(text);
  const fits =
    (bound.above ? value > bound.low : value >= bound.low) &&
    value <= bound.high &&
    (bound.whole !== true || Number.isInteger(value));
  return fits ? undefined : boundsText(bound);
};

/** The places of a text, and the first line that is none. A first line of words is a heading. */
const readPlaces = (text: string): { readonly places: { x: number; y: number }[]; readonly fault?: string } => {
  const places: { x: number; y: number }[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "") continue;
    const parts = line.trim().split(/\s*[,;\t]\s*|\s+/);
    const [x = Number.NaN, y = Number.NaN] = parts.map(numberOf);
    if (parts.length >= 2 && Math.abs(x) <= farthestUm && Math.abs(y) <= farthestUm) places.push({ x, y });
    else if (index > 0 || /\d/.test(line)) return { places, fault: `Line ${index + 1}: x and y are due, µm` };
  }
  if (places.length === 0) return { places, fault: "At least one place: x and y, µm, a line each" };
  return places.length > mostPlaces
    ? { places, fault: `At most ${mostPlaces.toLocaleString("en")} places` }
    : { places };
};

/** What must be mended before the form can be sent, by field. */
export const faultsOf = (form: ScanFields): Faults => {
  const faults: Faults = {};
  const slide = form.slide.trim();
  if (slide.length === 0 || slide.length > 200) faults.slide = "What the laboratory calls the slide";
  for (const name of planFields[form.plan]) {
    const fault = name === "places" ? readPlaces(form.places).fault : numberFault(name, form[name]);
    if (fault !== undefined) faults[name] = fault;
  }
  for (const name of ruleFields) {
    const fault = form[name].trim() === "" ? undefined : numberFault(name, form[name]);
    if (fault !== undefined) faults[name] = fault;
  }
  return faults;
};

const planOf = (form: ScanFields): ScanPlan => {
  if (form.plan === "list") return { kind: "list", centresUm: readPlaces(form.places).places };
  const within = {
    region: {
      left: numberOf(form.left),
      top: numberOf(form.top),
      width: numberOf(form.width),
      height: numberOf(form.height),
    },
    overlap: numberOf(form.overlapPercent) / 100,
  };
  if (form.plan === "battlement") {
    const [fieldsDeep, fieldsBetween] = [numberOf(form.fieldsDeep), numberOf(form.fieldsBetween)];
    return { kind: form.plan, ...within, fieldsDeep, fieldsBetween };
  }
  if (form.plan === "monolayer") return { kind: form.plan, ...within, coarseFields: numberOf(form.coarseFields) };
  return { kind: form.plan, ...within };
};

/** The request of a form without faults. */
export const requestOf = (form: ScanFields, by: string): ScanRequest => {
  const stop: Record<string, unknown> = {};
  for (const name of ruleFields) {
    if (form[name].trim() === "") continue;
    const value = numberOf(form[name]);
    stop[name] = name === "limits" ? { halfWidthPercent: value, level: 0.95 } : value;
  }
  return { slide: form.slide.trim(), plan: planOf(form), stop, focus: form.focus, by };
};
