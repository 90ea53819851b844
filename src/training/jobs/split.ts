import { createHash } from "node:crypto";
import { z } from "zod";
import { type Journal, openJournal, readJournal } from "../../store/index.js";

/** Of a labelled field, what decides on which side of the split it lies. */
export interface SplitField {
  readonly id: string;
  /** Look-alikes share it. */
  readonly group?: string | undefined;
  readonly slide?: string | undefined;
}

/** `train` is learnt from, `calibration` sets thresholds, `validation` judges. */
export type Part = "train" | "calibration" | "validation";

export interface SplitPolicy {
  /** Share of new groups that become validation. */
  readonly validationShare: number;
  /** Fields that validation has at least, where new groups can give them. */
  readonly leastValidation: number;
  /** Share of the other groups that set thresholds. */
  readonly calibrationShare: number;
  readonly leastCalibration: number;
}

export const defaultSplit: SplitPolicy = {
  // The gate sees a gain of 3 points on 100 fields four times of five, on 50 less than every other time.
  validationShare: 0.25,
  leastValidation: 12,
  calibrationShare: 0.15,
  leastCalibration: 6,
};

/** What was decided of a group, for ever. */
const assignmentSchema = z.object({
  keys: z.array(z.string()),
  to: z.enum(["validation", "training"]),
  atMs: z.number(),
});
export type Assignment = z.infer<typeof assignmentSchema>;

export const openAssignments = (path: string): Promise<Journal<Assignment>> =>
  openJournal(path, (value) => assignmentSchema.parse(value));

export const readAssignments = (path: string): Promise<Assignment[]> =>
  readJournal(path, (value) => assignmentSchema.parse(value));

const keysOf = ({ id, group, slide }: SplitField): readonly string[] => [
  `field:${id}`,
  ...(group === undefined ? [] : [`group:${group}`]),
  ...(slide === undefined ? [] : [`slide:${slide}`]),
];

/** The fields that validate, by what was decided so far: those that hang together with a frozen one. */
export const frozenFields = <Field extends SplitField>(
  fields: readonly Field[],
  known: readonly Assignment[],
): readonly Field[] => {
  const frozen = new Set(known.filter(({ to }) => to === "validation").flatMap(({ keys }) => keys));
  const ids = new Set(
    componentsOf(fields)
      .filter(({ keys }) => keys.some((key) => frozen.has(key)))
      .flatMap((component) => component.fields.map(({ id }) => id)),
  );
  return fields.filter(({ id }) => ids.has(id));
};

interface Component {
  readonly fields: readonly SplitField[];
  readonly keys: readonly string[];
  /** In [0, 1), the same for the same fields. */
  readonly draw: (salt: string) => number;
}

const drawOf =
  (key: string) =>
  (salt: string): number =>
    createHash("sha256").update(`${salt}\n${key}`).digest().readUInt32LE(0) / 2 ** 32;

/** Fields that share a slide or a look-alike group, directly or over others, hang together. */
const componentsOf = (fields: readonly SplitField[]): readonly Component[] => {
  const parents = new Map<string, string>();
  const rootOf = (key: string): string => {
    let root = key;
    for (let up = parents.get(root); up !== undefined && up !== root; up = parents.get(root)) root = up;
    parents.set(key, root);
    return root;
  };
  for (const field of fields) {
    const [own, ...others] = keysOf(field) as [string, ...string[]];
    for (const other of others) parents.set(rootOf(other), rootOf(own));
  }
  const members = new Map<string, SplitField[]>();
  for (const field of fields) {
    const root = rootOf(`field:${field.id}`);
    members.set(root, [...(members.get(root) ?? []), field]);
  }
  return [...members.values()].map((own) => {
    const keys = [...new Set(own.flatMap(keysOf))].sort();
    return { fields: own, keys, draw: drawOf(keys[0]!) };
  });
};

export interface SplitOutcome {
  readonly parts: ReadonlyMap<string, Part>;
  /** Decisions about groups that were not known, to be kept. */
  readonly assignments: readonly Assignment[];
}

const sizeOf = (components: readonly Component[]): number =>
  components.reduce((sum, { fields }) => sum + fields.length, 0);

/** Moves components, those of the least draw first, until enough fields are there; at least half of the fields stay. */
const fill = (from: Component[], into: Component[], least: number, salt: string): void => {
  const most = sizeOf(from) / 2;
  let moved = 0;
  for (const component of [...from].sort((a, b) => a.draw(salt) - b.draw(salt))) {
    if (sizeOf(into) >= least) return;
    if (moved + component.fields.length > most) continue;
    moved += component.fields.length;
    from.splice(from.indexOf(component), 1);
    into.push(component);
  }
};

/**
 * Splits fields by slide and look-alike group. What is validation stays it for ever, and so does whatever hangs together with
 * it; new groups are assigned by a hash of their names, so that the split does not depend on when it is made.
 * @param known assignments so far, oldest first
 */
export const splitFields = (
  fields: readonly SplitField[],
  known: readonly Assignment[],
  { policy = defaultSplit, atMs }: { readonly policy?: SplitPolicy; readonly atMs: number },
): SplitOutcome => {
  const [frozen, trained] = (["validation", "training"] as const).map(
    (to) => new Set(known.filter((assignment) => assignment.to === to).flatMap(({ keys }) => keys)),
  ) as [Set<string>, Set<string>];
  const validation: Component[] = [];
  const training: Component[] = [];
  const fresh: Component[] = [];
  for (const component of componentsOf(fields)) {
    if (component.keys.some((key) => frozen.has(key))) validation.push(component);
    else if (component.keys.some((key) => trained.has(key))) training.push(component);
    else fresh.push(component);
  }
  const chosen = fresh.filter(({ draw }) => draw("validation") < policy.validationShare);
  const rest = fresh.filter((component) => !chosen.includes(component));
  const before = validation.length;
  validation.push(...chosen);
  fill(rest, validation, policy.leastValidation, "validation");
  training.push(...rest);
  const calibration = training.filter(({ draw }) => draw("calibration") < policy.calibrationShare);
  const learnt = training.filter((component) => !calibration.includes(component));
  fill(learnt, calibration, policy.leastCalibration, "calibration");
  const assignment = (to: Assignment["to"]) => (component: Component) => ({ keys: [...component.keys], to, atMs });
  const isNew = ({ keys }: Component): boolean => keys.some((key) => !frozen.has(key) && !trained.has(key));
  return {
    parts: new Map(
      (
        [
          ["train", learnt],
          ["calibration", calibration],
          ["validation", validation],
        ] as const
      ).flatMap(([part, components]) => components.flatMap((one) => one.fields.map(({ id }) => [id, part] as const))),
    ),
    assignments: [
      ...validation.slice(0, before).filter(isNew).map(assignment("validation")),
      ...validation.slice(before).map(assignment("validation")),
      ...training.filter(isNew).map(assignment("training")),
    ],
  };
};
