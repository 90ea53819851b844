import type { StainMeasure } from "../../pictures/index.js";
import type { Connection } from "../../store/index.js";
import { type Doubt, scoreField, stainDistance } from "../learning.js";

/** Stains nearer than this to one that is kept, in levels, say nothing new. */
const nearLevels = 4;
const mostKept = 256;

/** Stains of confirmed fields, a few that stand for all. */
export class ConfirmedStains {
  readonly #connection: Connection;
  #kept: StainMeasure[] | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Levels to the nearest; null where nothing is confirmed. */
  distance(stain: StainMeasure): number | null {
    const distances = this.#stains().map((kept) => stainDistance(kept, stain));
    return distances.length === 0 ? null : Math.min(...distances);
  }

  add(stain: StainMeasure): void {
    const distance = this.distance(stain);
    const kept = this.#stains();
    if (kept.length >= mostKept || (distance !== null && distance < nearLevels)) return;
    this.#connection.sql("INSERT INTO confirmedStains (stain) VALUES (?)").run(JSON.stringify(stain));
    kept.push(stain);
  }

  forget(): void {
    this.#kept = undefined;
  }

  #stains(): StainMeasure[] {
    this.#kept ??= this.#connection
      .sql("SELECT stain FROM confirmedStains")
      .all<{ stain: string }>()
      .map(({ stain }) => JSON.parse(stain) as StainMeasure);
    return this.#kept;
  }
}

/** Expected gain of a field by what is known of it alone; its stain counts once its picture has been looked at. */
export const interestOf = (
  stains: ConfirmedStains,
  field: { readonly doubt: Doubt; readonly changed: number; readonly stain: StainMeasure | undefined },
): number => {
  const { doubt, changed, stain } = field;
  return scoreField(
    {
      ...{ counts: {}, doubt, changed, lookAlike: null, slide: { cells: 0, changed: 0 } },
      stainDistance: stain === undefined ? null : stains.distance(stain),
    },
    {},
  ).gain;
};
