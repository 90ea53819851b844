import { CusumChart, limitFor } from "./chart.js";
import type { ComponentReference, DriftReference } from "./reference.js";
import {
  type Component,
  components,
  type DriftField,
  type DriftKind,
  driftKinds,
  kindOf,
  SlideSummary,
} from "./summary.js";

/** Whether live fields still look as those that the model was validated on. */
export interface DriftAlarm {
  readonly kind: DriftKind;
  readonly raised: boolean;
  /** What deviates most of this kind: on the newest slide, and in the reference. Ratios of cells as cells per 1,000 red cells. */
  readonly value: number;
  readonly reference: number;
  /** Since when it is raised, or cleared. */
  readonly sinceMs: number;
  readonly text: string;
}

export interface DriftOptions {
  /** False alarms of all kinds together in 1,000 slides; 1 unless given. */
  readonly falseAlarmsPer1000?: number;
  /** Slides with fewer fields say nothing; 20 unless given. */
  readonly leastFields?: number;
}

/** An alarm is cleared after so many slides in a row within so many deviations. */
const quietSlides = 3;
const quietDeviations = 1.5;
/** A running slide raises an alarm before it ends where its mean is so many deviations of single fields away. */
const grossDeviations = 6;

interface Watch {
  readonly component: Component;
  readonly reference: ComponentReference;
  readonly chart: CusumChart;
  raised: boolean;
  quiet: number;
  value: number;
}

const remedies: Readonly<Record<Component, string>> = {
  light: "Check the lamp, the condenser and the exposure.",
  stain: "Check the stain and its age.",
  focus: "Check focus, cover glass and immersion oil.",
  leukocytes: "Look at slides yourself: patients, smears or the model have changed.",
  platelets: "Look at slides yourself: patients, smears or the model have changed.",
  confidence: "The model is less or more sure than it was: confirm some fields and let it learn.",
};
const names: Readonly<Record<Component, string>> = {
  light: "Light",
  stain: "Stain",
  focus: "Focus",
  leukocytes: "Leukocytes per 1,000 red cells",
  platelets: "Platelets per 1,000 red cells",
  confidence: "Confidence",
};

const isRatio = (component: Component): boolean => component === "leukocytes" || component === "platelets";
const told = (component: Component, value: number): number => (isRatio(component) ? 10 ** value : value);

/**
 * Watches live fields for drift, slide by slide: fields of one slide are alike, slides are not, so the mean of a slide is one observation.
 * Each figure has a two-sided CUSUM chart whose limit is set so that all of them together cry wolf `falseAlarmsPer1000` times in 1,000 slides
 * at most. What is grossly off is told while the slide runs. Pure: reads no clock.
 */
export class DriftMonitor {
  readonly #watches: readonly Watch[];
  readonly #leastFields: number;
  readonly #sinceMs = new Map<DriftKind, number>();
  #slide: { readonly id: string; readonly summary: SlideSummary } | undefined;

  constructor(reference: DriftReference, { falseAlarmsPer1000 = 1, leastFields = 20 }: DriftOptions = {}) {
    const watched = components.flatMap((component) => {
      const found = reference.components[component];
      return found ? [{ component, reference: found }] : [];
    });
    const limit = limitFor((watched.length * 1000) / falseAlarmsPer1000);
    this.#leastFields = leastFields;
    this.#watches = watched.map((each) => ({
      ...each,
      chart: new CusumChart(limit, each.reference.slides),
      ...{ raised: false, quiet: 0, value: each.reference.mean },
    }));
  }

  /** Kinds that the reference knows too little of to watch them. */
  get unwatched(): readonly DriftKind[] {
    return driftKinds.filter((kind) => !this.#watches.some(({ component }) => kindOf(component) === kind));
  }

  /** The state of every kind that is watched. */
  get alarms(): readonly DriftAlarm[] {
    return driftKinds.filter((kind) => !this.unwatched.includes(kind)).map((kind) => this.#alarmOf(kind));
  }

  /** @returns alarms that this field raises or clears; the first field of a slide ends the slide before */
  add(field: DriftField): readonly DriftAlarm[] {
    const before = this.#raisedKinds();
    for (const kind of driftKinds) if (!this.#sinceMs.has(kind)) this.#sinceMs.set(kind, field.atMs);
    if (this.#slide?.id !== field.slide) {
      this.#endSlide();
      this.#slide = { id: field.slide, summary: new SlideSummary() };
    }
    this.#slide?.summary.add(field);
    this.#lookAtRunning();
    return this.#changed(before, field.atMs);
  }

  /** Ends the slide that is running, where that is known. @returns alarms that this raises or clears */
  endSlide(atMs: number): readonly DriftAlarm[] {
    const before = this.#raisedKinds();
    this.#endSlide();
    return this.#changed(before, atMs);
  }

  #raisedKinds(): ReadonlySet<DriftKind> {
    return new Set(this.#watches.filter(({ raised }) => raised).map(({ component }) => kindOf(component)));
  }

  #changed(before: ReadonlySet<DriftKind>, atMs: number): DriftAlarm[] {
    const now = this.#raisedKinds();
    const changed = driftKinds.filter((kind) => before.has(kind) !== now.has(kind));
    for (const kind of changed) this.#sinceMs.set(kind, atMs);
    return changed.map((kind) => this.#alarmOf(kind));
  }

  #endSlide(): void {
    const summary = this.#slide?.summary;
    this.#slide = undefined;
    if (!summary || summary.fields < this.#leastFields) return;
    for (const watch of this.#watches) {
      const value = summary.value(watch.component);
      if (value !== undefined) observe(watch, value);
    }
  }

  #lookAtRunning(): void {
    const summary = this.#slide?.summary;
    if (!summary || summary.fields < this.#leastFields) return;
    for (const watch of this.#watches) {
      const { mean, deviation, withinSlide } = watch.reference;
      const value = summary.value(watch.component);
      if (withinSlide === undefined || value === undefined || watch.raised) continue;
      if (Math.abs(value - mean) <= grossDeviations * Math.hypot(deviation, withinSlide)) continue;
      watch.raised = true;
      watch.quiet = 0;
      watch.value = value;
    }
  }

  #alarmOf(kind: DriftKind): DriftAlarm {
    const own = this.#watches.filter(({ component }) => kindOf(component) === kind);
    const off = ({ raised, value, reference }: Watch): number =>
      (raised ? 1e6 : 0) + Math.abs(value - reference.mean) / reference.deviation;
    const worst = own.reduce((most, watch) => (off(watch) > off(most) ? watch : most));
    const { component, raised } = worst;
    const [value, reference] = [told(component, worst.value), told(component, worst.reference.mean)];
    const figures = `${value.toPrecision(3)} where the validation fields have ${reference.toPrecision(3)}`;
    const text = raised
      ? `${names[component]}: ${figures}. ${remedies[component]}`
      : `${names[component]} as on the validation fields: ${value.toPrecision(3)}`;
    return { kind, raised, value, reference, sinceMs: this.#sinceMs.get(kind) ?? 0, text };
  }
}

const observe = (watch: Watch, value: number): void => {
  const deviations = (value - watch.reference.mean) / watch.reference.deviation;
  watch.value = value;
  if (!watch.raised) {
    watch.raised = watch.chart.add(deviations);
    watch.quiet = 0;
    return;
  }
  watch.quiet = Math.abs(deviations) < quietDeviations ? watch.quiet + 1 : 0;
  if (watch.quiet < quietSlides) return;
  watch.raised = false;
  watch.chart.reset();
};
