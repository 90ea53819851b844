import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CytoError, createRandom, type Random } from "../../../src/core/index.js";
import {
  type DriftAlarm,
  type DriftField,
  DriftMonitor,
  type DriftReference,
  driftKinds,
  driftReferenceOf,
  parseDriftReference,
} from "../../../src/registry/index.js";

/** Of a simulated laboratory: between slides, and between fields of a slide, which are much alike (autocorrelation 0.9). */
const level = { light: 0.85, stain: 0.6, focus: 0.45, confidence: 0.8 };
const betweenSlides = { light: 0.03, stain: 0.05, focus: 0.04, confidence: 0.02 };
const betweenFields = { light: 0.02, stain: 0.03, focus: 0.06, confidence: 0.02 };
type Quality = keyof typeof level;
const qualities = Object.keys(level) as Quality[];

interface Change {
  /** In deviations between slides. */
  readonly shift?: Partial<Record<Quality, number>>;
  readonly leukocytes?: number;
}

let slides = 0;
/** A slide of 60 fields; how alike its fields are, and that slides differ, is what real ones are like. */
const slide = (random: Random, { shift = {}, leukocytes = 1 }: Change = {}, fields = 60): DriftField[] => {
  const id = `slide ${slides++}`;
  const ownLevel = Object.fromEntries(
    qualities.map((name) => [name, level[name] + betweenSlides[name] * (random.normal() + (shift[name] ?? 0))]),
  ) as Record<Quality, number>;
  const wander = { light: 0, stain: 0, focus: 0, confidence: 0 };
  const [rich, clumped] = [10 ** (0.25 * random.normal()), 10 ** (0.2 * random.normal())];
  return Array.from({ length: fields }, (_unused, index) => {
    for (const name of qualities) wander[name] = 0.9 * wander[name] + Math.sqrt(1 - 0.81) * random.normal();
    const quality = (name: Quality): number => ownLevel[name] + betweenFields[name] * wander[name];
    const [erythrocytes, white, platelets] = [60 + random.int(40), 0.4 * rich * leukocytes, 4 * clumped];
    const whole = (mean: number): number => Math.floor(mean) + (random.next() < mean % 1 ? 1 : 0);
    const counts = { erythrocytes, leukocytes: whole(white), platelets: whole(platelets) };
    const cells = counts.erythrocytes + counts.leukocytes + counts.platelets;
    const { light, stain, focus } = { light: quality("light"), stain: quality("stain"), focus: quality("focus") };
    return {
      atMs: slides * 60_000 + index,
      slide: id,
      light,
      stain,
      focus,
      ...counts,
      confidence: cells * quality("confidence"),
    };
  });
};

const reference = (random: Random, count = 30): DriftReference =>
  driftReferenceOf(Array.from({ length: count }, () => slide(random)).flat());
const feed = (monitor: DriftMonitor, fields: readonly DriftField[]): DriftAlarm[] =>
  fields.flatMap((field) => monitor.add(field));

describe("false alarms", () => {
  it("come at most once in 1,000 slides, over laboratories whose references differ", () => {
    const random = createRandom(1);
    const [laboratories, each] = [40, 250];
    let alarms = 0;
    for (let laboratory = 0; laboratory < laboratories; laboratory++) {
      const monitor = new DriftMonitor(reference(random));
      for (let index = 0; index < each; index++)
        alarms += feed(monitor, slide(random)).filter(({ raised }) => raised).length;
    }
    process.stdout.write(`drift: ${alarms} false alarms in ${laboratories * each} slides\n`);
    expect((1000 * alarms) / (laboratories * each)).toBeLessThanOrEqual(1);
  });

  it("are no more where each field of the reference is a slide of its own", () => {
    const random = createRandom(2);
    const fields = Array.from({ length: 40 }, () => slide(random))
      .flat()
      .map((field, index) => ({ ...field, slide: `${index}` }));
    const monitor = new DriftMonitor(driftReferenceOf(fields));
    let alarms = 0;
    for (let index = 0; index < 1000; index++)
      alarms += feed(monitor, slide(random)).filter(({ raised }) => raised).length;
    expect(alarms).toBeLessThanOrEqual(1);
  });
});

describe("a real change", () => {
  /** Slides from the change on until an alarm of the kind; 100 where there is none. */
  const delay = (random: Random, change: Change, kind: string): number => {
    const monitor = new DriftMonitor(reference(random));
    for (let index = 0; index < 20; index++) feed(monitor, slide(random));
    for (let index = 1; index < 100; index++)
      if (feed(monitor, slide(random, change)).some((alarm) => alarm.raised && alarm.kind === kind)) return index;
    return 100;
  };
  const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!;

  it.each([
    ["focus", { shift: { focus: -3 } }, 9],
    ["stain", { shift: { stain: 3 } }, 6],
    ["confidence", { shift: { confidence: -2 } }, 14],
    ["light", { shift: { light: -3 } }, 6],
    ["classes", { leukocytes: 4 }, 9],
  ] as const)("of %s is seen within some slides", (kind, change, most) => {
    const random = createRandom(3);
    const delays = Array.from({ length: 15 }, () => delay(random, change, kind));
    process.stdout.write(`drift: ${kind} ${JSON.stringify(change)} seen after ${median(delays)} slides (median)\n`);
    expect(median(delays)).toBeLessThanOrEqual(most);
  });

  it("that is gross is seen within the slide", () => {
    const random = createRandom(4);
    const monitor = new DriftMonitor(reference(random));
    feed(monitor, slide(random));
    const dark = slide(random).map((field) => ({ ...field, light: 0.2 }));
    const seen = dark.findIndex((field) => monitor.add(field).some(({ kind, raised }) => kind === "light" && raised));
    expect(seen).toBe(19);
  });

  it("is told with figures and since when, and cleared after quiet slides only", () => {
    const random = createRandom(5);
    const monitor = new DriftMonitor(reference(random));
    const [raised] = feed(
      monitor,
      slide(random).map((field) => ({ ...field, light: 0.2 })),
    );
    expect(raised).toMatchObject({ kind: "light", raised: true, value: expect.closeTo(0.2, 5) });
    expect(raised?.text).toMatch(/^Light: 0\.200 where the validation fields have 0\.8\d+\. Check the lamp/);
    const cleared: number[] = [];
    for (let index = 0; index < 12; index++)
      if (feed(monitor, slide(random)).some((alarm) => alarm.kind === "light" && !alarm.raised)) cleared.push(index);
    expect(cleared).toHaveLength(1);
    // The first of these ends the dark slide; three quiet ones must have ended after it.
    expect(cleared[0]).toBeGreaterThanOrEqual(3);
    expect(monitor.alarms.find(({ kind }) => kind === "light")).toMatchObject({ raised: false });
  });
});

describe("the monitor", () => {
  it("says nothing of slides with few fields, and not what it cannot watch", () => {
    const random = createRandom(6);
    const monitor = new DriftMonitor(reference(random));
    for (let index = 0; index < 30; index++)
      expect(feed(monitor, slide(random, { shift: { focus: -9 } }, 5))).toEqual([]);
    const few = new DriftMonitor(reference(random, 5));
    expect(few.unwatched).toEqual([...driftKinds]);
    expect(few.alarms).toEqual([]);
    expect(feed(few, slide(random, { shift: { focus: -9 } }))).toEqual([]);
  });

  it("raises and clears each kind in turn, whatever comes", () => {
    const ofReference = reference(createRandom(7));
    const changes = fc.array(
      fc.record({ focus: fc.integer({ min: -8, max: 8 }), light: fc.integer({ min: -8, max: 8 }) }),
      {
        maxLength: 25,
      },
    );
    fc.assert(
      fc.property(changes, fc.integer(), (shifts, seed) => {
        const random = createRandom(seed);
        const monitor = new DriftMonitor(ofReference);
        const state = new Map<string, boolean>();
        for (const shift of shifts)
          for (const { kind, raised } of feed(monitor, slide(random, { shift }))) {
            expect(state.get(kind) ?? false).toBe(!raised);
            state.set(kind, raised);
          }
        for (const { kind, raised } of monitor.alarms) expect(raised).toBe(state.get(kind) ?? false);
      }),
      { numRuns: 25 },
    );
  });

  it("has a reference that goes through a file", () => {
    const made = reference(createRandom(8));
    expect(parseDriftReference(JSON.parse(JSON.stringify(made)), "drift.json")).toEqual(made);
    expect(() => parseDriftReference({ version: 2 }, "drift.json")).toThrow(CytoError);
  });
});
