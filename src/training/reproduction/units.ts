import { copyPaste } from "../augmentation/index.js";
import { type RegimeName, regimes } from "./regimes.js";

/** Pictures from masks: by no network, by one loss alone, by the paper's four, and by the part that its table leaves out. */
export const paintings = ["flat", "l1", "cgan", "pix2pix", "pix2pix-md", "pix2pix-gs", "mcgan"] as const;
export type Painting = (typeof paintings)[number];
export type TrainedPainting = Exclude<Painting, "flat">;

/** What a detector learns from beside real fields (RD). */
export const arms = ["rd", "cgan", "pix2pix", "pix2pix-md", "mcgan", copyPaste] as const;
export type Arm = (typeof arms)[number];

/** Arms that are run with every seed; the others with the first. */
export const seededArms: readonly Arm[] = ["rd", "mcgan", copyPaste];

/** Which of the data sets: those given for table 2; for table 4 the one that names leukocytes, or the other. */
export type DataKey = "all" | "named" | "other";

interface Common {
  /** Unique, and the name of its folder. */
  readonly name: string;
  /** Names of the units whose results it needs. */
  readonly needs: readonly string[];
  readonly seed: number;
}

export interface PainterUnit extends Common {
  readonly kind: "painter";
  readonly painting: TrainedPainting;
  readonly data: DataKey;
  readonly regime: RegimeName;
  /** Unit of the classifier that judges painted leukocytes. */
  readonly judge?: string | undefined;
}

/** Painted pictures of held-out masks, compared with the real ones. */
export interface PicturesUnit extends Common {
  readonly kind: "pictures";
  readonly painting: Painting;
  readonly painter?: string | undefined;
}

export interface NetworkUnit extends Common {
  readonly kind: "detector" | "cells";
  readonly arm: Arm;
  readonly data: DataKey;
  readonly regime: RegimeName;
  /** Unit of the painter, where the arm has one. */
  readonly painter?: string | undefined;
  /** Whether made fields take the other laboratory's stains. */
  readonly otherStains: boolean;
  /** Whether it learns from made fields alone. */
  readonly alone: boolean;
}

/** A detector, with its classifier where classes are named, scored on validation fields. */
export interface ScoreUnit extends Common {
  readonly kind: "score";
  readonly arm: Arm;
  readonly regime: RegimeName;
  readonly scored: "named" | "other";
  /** Validation fields on which thresholds are chosen. */
  readonly thresholdsOn: "named" | "other";
  readonly named: boolean;
  readonly detector: string;
  readonly cells?: string | undefined;
  readonly alone: boolean;
}

export type Unit = PainterUnit | PicturesUnit | NetworkUnit | ScoreUnit;

/** Units by name, each after those that it needs. */
export class Plan {
  readonly #units = new Map<string, Unit>();

  get units(): readonly Unit[] {
    return [...this.#units.values()];
  }

  unit(name: string): Unit | undefined {
    return this.#units.get(name);
  }

  add<U extends Unit>(unit: U): U {
    if (!this.#units.has(unit.name)) this.#units.set(unit.name, unit);
    return unit;
  }

  /** A unit and all that it needs, those first. */
  withNeeds(name: string): readonly Unit[] {
    const unit = this.#units.get(name);
    if (!unit) return [];
    const found = new Set<Unit>();
    for (const need of unit.needs) for (const other of this.withNeeds(need)) found.add(other);
    return [...found, unit];
  }
}

export interface Table2Options {
  readonly seeds: readonly number[];
  readonly paintings: readonly Painting[];
}

/**
 * Table 2: each painting with each seed, trained on the training fields of all data sets and judged on their validation
 * fields. MCGAN's judge is a classifier of the same fields.
 */
export const table2Plan = ({ seeds, paintings: wanted }: Table2Options): Plan => {
  const plan = new Plan();
  for (const painting of wanted) {
    for (const seed of painting === "flat" ? seeds.slice(0, 1) : seeds) {
      const painter =
        painting === "flat" ? undefined : addPainter(plan, { painting, data: "all", regime: "all", seed });
      plan.add({
        kind: "pictures",
        name: `pictures-${painting}-${seed}`,
        needs: painter ? [painter.name] : [],
        painting,
        painter: painter?.name,
        seed,
      });
    }
  }
  return plan;
};

interface WantedPainter {
  readonly painting: TrainedPainting;
  readonly data: DataKey;
  readonly regime: RegimeName;
  readonly seed: number;
}

const addPainter = (plan: Plan, { painting, data, regime, seed }: WantedPainter): PainterUnit => {
  // A judge needs names of leukocytes, more than eight fields have, and those of the other laboratory have none.
  const judged = (painting === "mcgan" || painting === "pix2pix-gs") && data !== "other" && regime !== "eight";
  const judge = judged ? addNetwork(plan, { kind: "cells", arm: "rd", data, regime, seed: 1 }) : undefined;
  return plan.add({
    kind: "painter",
    name: `painter-${painting}-${data}-${regime}-${seed}`,
    needs: judge ? [judge.name] : [],
    painting,
    data,
    regime,
    seed,
    judge: judge?.name,
  });
};

interface WantedNetwork {
  readonly kind: "detector" | "cells";
  readonly arm: Arm;
  readonly data: DataKey;
  readonly regime: RegimeName;
  readonly seed: number;
  readonly alone?: boolean;
}

/** Seed of the painters of table 4: detectors of several seeds learn from one painter's fields. */
const painterSeed = 1;

const addNetwork = (plan: Plan, { kind, arm, data, regime, seed, alone = false }: WantedNetwork): NetworkUnit => {
  // Without made fields nothing of the other stain comes in.
  const own = arm === "rd" && regime === "stain" ? "all" : regime;
  const painted = arm !== "rd" && arm !== copyPaste;
  const painter = painted
    ? addPainter(plan, { painting: arm, data, regime: regimes[regime].painters, seed: painterSeed })
    : undefined;
  return plan.add({
    kind,
    name: `${kind}-${arm}${alone ? "-alone" : ""}-${data}-${own}-${seed}`,
    needs: painter ? [painter.name] : [],
    arm,
    data,
    regime: own,
    seed,
    painter: painter?.name,
    otherStains: own === "stain",
    alone,
  });
};

export interface Table4Options {
  readonly seeds: readonly number[];
  readonly regimes: readonly RegimeName[];
  readonly arms: readonly Arm[];
  /** Adds a detector of the other laboratory's cells, and a classifier, that learn from painted fields alone. */
  readonly alone: boolean;
}

/**
 * Table 4: detector and classifier of each arm in each regime, scored end to end. In the regime `rare` the detector is
 * that of `all` without made fields in every arm: it is the names that are rare, and the classifier that lacks them.
 */
export const table4Plan = ({ seeds, regimes: wanted, arms: wantedArms, alone }: Table4Options): Plan => {
  const plan = new Plan();
  for (const regime of wanted)
    for (const arm of wantedArms)
      for (const seed of seededArms.includes(arm) ? seeds : seeds.slice(0, 1)) addScore(plan, { regime, arm, seed });
  if (alone) addAlone(plan, seeds[0]!);
  return plan;
};

const addScore = (plan: Plan, { regime, arm, seed }: { regime: RegimeName; arm: Arm; seed: number }): void => {
  const { named, scored, detector: detectorRegime } = regimes[regime];
  const detectorArm = detectorRegime === regime ? arm : "rd";
  const common = { data: "named", seed } as const;
  const detector = addNetwork(plan, { ...common, kind: "detector", arm: detectorArm, regime: detectorRegime });
  const cells = named ? addNetwork(plan, { ...common, kind: "cells", arm, regime }) : undefined;
  plan.add({
    kind: "score",
    name: `score-${arm}-${regime}-${seed}`,
    needs: [detector.name, ...(cells ? [cells.name] : [])],
    arm,
    regime,
    seed,
    scored,
    thresholdsOn: "named",
    named,
    detector: detector.name,
    cells: cells?.name,
    alone: false,
  });
};

const addAlone = (plan: Plan, seed: number): void => {
  const common = { arm: "mcgan", regime: "all", seed, alone: true } as const;
  const score = { kind: "score", arm: "mcgan", regime: "all", seed, alone: true } as const;
  const other = addNetwork(plan, { ...common, kind: "detector", data: "other" });
  plan.add({
    ...score,
    name: `score-mcgan-alone-other-${seed}`,
    needs: [other.name],
    scored: "other",
    thresholdsOn: "other",
    named: false,
    detector: other.name,
  });
  const detector = addNetwork(plan, { kind: "detector", arm: "rd", data: "named", regime: "all", seed });
  const cells = addNetwork(plan, { ...common, kind: "cells", data: "named" });
  plan.add({
    ...score,
    name: `score-mcgan-alone-named-${seed}`,
    needs: [detector.name, cells.name],
    scored: "named",
    thresholdsOn: "named",
    named: true,
    detector: detector.name,
    cells: cells.name,
  });
};
