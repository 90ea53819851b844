/** What is watched. */
export const driftKinds = ["light", "stain", "focus", "classes", "confidence"] as const;
export type DriftKind = (typeof driftKinds)[number];

/** Of one live field, what drift is told by. */
export interface DriftField {
  readonly atMs: number;
  /** Fields of one slide share it. Where slides are not told apart, the hour does. */
  readonly slide: string;
  /** Scores of the field's quality, 0 to 1. */
  readonly light: number;
  readonly stain: number;
  readonly focus: number;
  /** Cells found. */
  readonly erythrocytes: number;
  readonly leukocytes: number;
  readonly platelets: number;
  /** Sum of the confidences of all cells found. */
  readonly confidence: number;
}

/** The figures that are watched; each belongs to a kind. Class mix is watched as logarithms of ratios. */
export const components = ["light", "stain", "focus", "leukocytes", "platelets", "confidence"] as const;
export type Component = (typeof components)[number];

export const kindOf = (component: Component): DriftKind =>
  component === "leukocytes" || component === "platelets" ? "classes" : component;

/** Red cells below which a ratio of cells is mostly chance. */
const leastRedCells = 200;

/** Running figures of one slide. */
export class SlideSummary {
  fields = 0;
  #light = 0;
  #stain = 0;
  #focus = 0;
  #redCells = 0;
  #leukocytes = 0;
  #platelets = 0;
  #confidence = 0;

  add(field: DriftField): void {
    this.fields++;
    this.#light += field.light;
    this.#stain += field.stain;
    this.#focus += field.focus;
    this.#redCells += field.erythrocytes;
    this.#leukocytes += field.leukocytes;
    this.#platelets += field.platelets;
    this.#confidence += field.confidence;
  }

  /** Undefined where the slide has too few cells to tell it. */
  value(component: Component): number | undefined {
    const cells = this.#redCells + this.#leukocytes + this.#platelets;
    switch (component) {
      case "light":
        return this.fields === 0 ? undefined : this.#light / this.fields;
      case "stain":
        return this.fields === 0 ? undefined : this.#stain / this.fields;
      case "focus":
        return this.fields === 0 ? undefined : this.#focus / this.fields;
      case "confidence":
        return cells === 0 ? undefined : this.#confidence / cells;
      case "leukocytes":
        return this.#ratio(this.#leukocytes);
      case "platelets":
        return this.#ratio(this.#platelets);
    }
  }

  /** Logarithm to base 10 of so many cells per 1,000 red cells. */
  #ratio(cells: number): number | undefined {
    return this.#redCells < leastRedCells ? undefined : Math.log10((1000 * (cells + 0.5)) / (this.#redCells + 0.5));
  }
}
