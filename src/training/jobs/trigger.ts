import type { TriggerDecision } from "./desk.js";
import { insideWindow, type TimeWindow } from "./window.js";

/** What the rule looks at. */
export interface TriggerFacts {
  readonly atMs: number;
  /** `training.enabled`. */
  readonly enabled: boolean;
  /** Confirmed fields that no training has seen, or not in their newest revision. */
  readonly newFields: number;
  /** Their cells by leukocyte class. */
  readonly newCells: Readonly<Record<string, number>>;
  /** When the oldest of them was confirmed. */
  readonly oldestNewAtMs?: number | undefined;
  /** Whether a slide is being counted. */
  readonly live: boolean;
  /** When one last was. */
  readonly lastLiveAtMs?: number | undefined;
  /** Processes that want to run, per core. */
  readonly load: number;
  /** A training that is queued, running or paused. */
  readonly running?: string | undefined;
  /** When a training last failed or was cancelled, with none that ended well since. */
  readonly failedAtMs?: number | undefined;
}

/** `training.trigger` of the configuration. */
export interface TriggerRule {
  readonly confirmedFields: number;
  readonly confirmedCells: number;
  readonly ageDays: number;
  readonly idleMinutes: number;
  readonly window: TimeWindow;
}

/** More processes per core than this want to run: the machine has other work. */
export const busyLoad = 0.7;
/** After a training that failed the rule waits so long, so that a night is not spent on failing again and again. */
export const restHours = 12;

const [minuteMs, hourMs, dayMs] = [60_000, 3_600_000, 86_400_000];

interface Judgement {
  readonly holds: boolean;
  readonly text: string;
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

/** What has piled up: enough in all, of one class, or for long enough. */
const pile = ({ newFields, newCells, oldestNewAtMs, atMs }: TriggerFacts, rule: TriggerRule): readonly Judgement[] => {
  if (newFields === 0) return [{ holds: false, text: "No field was confirmed since the last training." }];
  const fields = `${counted(newFields, "field")} confirmed since the last training`;
  const many = newFields >= rule.confirmedFields;
  const [cellClass, cells] = Object.entries(newCells).reduce((most, entry) => (entry[1] > most[1] ? entry : most), [
    "",
    0,
  ] as [string, number]);
  const rich = cells >= rule.confirmedCells;
  const old = oldestNewAtMs !== undefined && atMs - oldestNewAtMs >= rule.ageDays * dayMs;
  const holding = [
    ...(many ? [`${fields}: ${rule.confirmedFields} are enough.`] : []),
    ...(rich ? [`${cells} new cells of class ${cellClass}: ${rule.confirmedCells} are enough.`] : []),
    ...(old ? [`A new field has waited for more than ${rule.ageDays} days.`] : []),
  ];
  if (holding.length > 0) return holding.map((text) => ({ holds: true, text }));
  const ofClass = cells > 0 ? `, ${counted(cells, "cell")} of class ${cellClass}` : "";
  return [
    {
      holds: false,
      text: `${fields}${ofClass}: too few yet (${rule.confirmedFields} fields, ${rule.confirmedCells} cells of a class, or ${rule.ageDays} days).`,
    },
  ];
};

const quiet = ({ live, lastLiveAtMs, atMs }: TriggerFacts, { idleMinutes }: TriggerRule): Judgement => {
  if (live) return { holds: false, text: "A slide is being counted." };
  const idle = lastLiveAtMs === undefined || atMs - lastLiveAtMs >= idleMinutes * minuteMs;
  return idle
    ? {
        holds: true,
        text: idleMinutes > 0 ? `No slide has been counted for ${idleMinutes} minutes.` : "No slide is in the way.",
      }
    : { holds: false, text: `A slide was counted less than ${idleMinutes} minutes ago.` };
};

const rested = ({ failedAtMs, atMs }: TriggerFacts): readonly Judgement[] =>
  failedAtMs !== undefined && atMs - failedAtMs < restHours * hourMs
    ? [{ holds: false, text: `The last training did not end well: the rule waits for ${restHours} hours.` }]
    : [];

/**
 * The pile-up rule: a training begins when enough was confirmed and the moment is right, and everything that speaks for or
 * against it is said.
 */
export const decide = (facts: TriggerFacts, rule: TriggerRule): TriggerDecision => {
  const { from, to } = rule.window;
  const inside = insideWindow(facts.atMs, rule.window);
  const hours = from === to ? "at any time" : `between ${from} and ${to}`;
  const judgements: readonly Judgement[] = [
    ...(facts.enabled ? [] : [{ holds: false, text: "The rule is switched off (training.enabled)." }]),
    ...pile(facts, rule),
    { holds: inside, text: inside ? `Trainings may begin now: ${hours}.` : `Trainings begin only ${hours}.` },
    quiet(facts, rule),
    facts.load <= busyLoad
      ? { holds: true, text: "The machine is idle." }
      : { holds: false, text: "The machine is busy with other work." },
    ...rested(facts),
    ...(facts.running === undefined ? [] : [{ holds: false, text: `The training ${facts.running} has not ended.` }]),
  ];
  return {
    atMs: facts.atMs,
    start: judgements.every(({ holds }) => holds),
    reasons: judgements.map(({ text }) => text),
  };
};
