import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { densityClasses, type LeukocyteClass, leukocyteClasses } from "../../src/core/index.js";
import {
  averagePrecision50,
  type FieldResult,
  scoreDataset,
  scoreLeukocytes,
  searchThresholds,
} from "../../src/training/scoring/index.js";
import { python, requirePython } from "../requirements.js";
import { anyResult, boxAt, field, found } from "./scoringFields.js";

const hasNumpy = requirePython("numpy");

const probabilities = (top: LeukocyteClass, p = 0.9) =>
  Object.fromEntries(leukocyteClasses.map((name) => [name, name === top ? p : (1 - p) / 6])) as Record<
    LeukocyteClass,
    number
  >;

/** An own computation of AP: IoU and the envelope written another way, from the definition. */
const script = `
import json, sys, numpy as np
def iou(a, b):
    x = np.array([a, b]); lo = x[:, :2].max(0); hi = x[:, 2:].min(0); s = np.clip(hi - lo, 0, None).prod()
    area = (x[:, 2:] - x[:, :2]).prod(1).sum() - s
    return s / area if area > 0 else 0.0
out = []
data = json.load(sys.stdin)
for fields in data:
    row = []
    for name in ["erythrocyte", "leukocyte", "platelet"]:
        gts = [[c["box"] for c in f["truth"] if c["c"] == name] for f in fields]
        total = sum(map(len, gts)); used = [[False] * len(g) for g in gts]
        if total == 0: row.append(None); continue
        dets = [(d["s"], i, d["box"]) for i, f in enumerate(fields) for d in f["found"] if d["c"] == name]
        dets.sort(key=lambda d: -d[0])
        tp = np.zeros(len(dets))
        for k, (s, i, box) in enumerate(dets):
            best, which = 0.5, -1
            for j, g in enumerate(gts[i]):
                if used[i][j]: continue
                v = iou(box, g)
                if v >= best: best, which = v, j
            if which >= 0: used[i][which] = True; tp[k] = 1
        rec = np.concatenate([[0], np.cumsum(tp) / total, [1]])
        pre = np.concatenate([[0], np.cumsum(tp) / (np.arange(len(tp)) + 1), [0]])
        pre = np.maximum.accumulate(pre[::-1])[::-1]
        where = np.nonzero(rec[1:] != rec[:-1])[0]
        row.append(float(((rec[where + 1] - rec[where]) * pre[where + 1]).sum() * 100))
    out.append(row)
print(json.dumps(out))`;

const flat = ({ left, top, right, bottom }: FieldResult["found"][number]["box"]) => [left, top, right, bottom];

describe("averagePrecision50", () => {
  it("is 100 for the labels themselves and 0 for nothing", () => {
    const truth = field([{ cellClass: "platelet", box: boxAt(50, 50, 10) }]);
    const all = averagePrecision50(
      [{ truth, found: [found("platelet", boxAt(50, 50, 10))] }],
      densityClasses,
      "density",
    );
    expect(all).toEqual({ classes: { erythrocyte: null, leukocyte: null, platelet: 100 }, mean: 100 });
    expect(averagePrecision50([{ truth, found: [] }], ["platelet"], "density").mean).toBe(0);
  });

  it("lets a leukocyte stand for its likelier classes at named depth", () => {
    const truth = field([{ cellClass: "monocyte", box: boxAt(50, 50, 40) }]);
    const unsure = { ...found("leukocyte", boxAt(50, 50, 40)), leukocyteProbabilities: probabilities("monocyte", 0.4) };
    expect(averagePrecision50([{ truth, found: [unsure] }], ["monocyte"], "named").mean).toBe(100);
  });

  it.skipIf(!hasNumpy)("agrees with an independent computation (needs Python's numpy)", () => {
    const sets = fc.sample(fc.array(anyResult, { minLength: 1, maxLength: 5 }), { numRuns: 150, seed: 5 });
    // Equal scores have no order; make them differ.
    const cases = sets.map((fields, set) =>
      fields.map(({ truth, found: cells }, at) => ({
        truth,
        found: cells.map((cell, index) => ({
          ...cell,
          confidence: cell.confidence + 1e-6 * (index + 20 * at + set / 1e3),
        })),
      })),
    );
    const input = cases.map((fields) =>
      fields.map(({ truth, found: cells }) => ({
        truth: truth.cells.map(({ cellClass, box }) => ({ c: cellClass, box: flat(box) })),
        found: cells.map(({ cellClass, box, confidence }) => ({ c: cellClass, s: confidence, box: flat(box) })),
      })),
    );
    const answer = execFileSync(python, ["-c", script], { input: JSON.stringify(input), encoding: "utf8" });
    (JSON.parse(answer) as (number | null)[][]).forEach((expected, index) => {
      const { classes } = averagePrecision50(cases[index]!, densityClasses, "density");
      densityClasses.forEach((name, at) => {
        if (expected[at] === null) expect(classes[name]).toBeNull();
        else expect(classes[name]).toBeCloseTo(expected[at]!, 8);
      });
    });
  });
});

describe("scoreLeukocytes", () => {
  it("is absent where no label names a leukocyte", () => {
    expect(
      scoreLeukocytes([{ truth: field([{ cellClass: "leukocyte", box: boxAt(5, 5, 5) }]), found: [] }]),
    ).toBeUndefined();
  });

  it("counts answers, unsure ones and missed cells", () => {
    const at = [40, 90, 140, 190];
    const truth = field(at.map((x) => ({ cellClass: "eosinophil" as const, box: boxAt(x, 50, 40) })));
    const score = scoreLeukocytes([
      {
        truth,
        found: [
          found("eosinophil", boxAt(40, 50, 40)),
          { ...found("leukocyte", boxAt(90, 50, 40)), leukocyteProbabilities: probabilities("eosinophil", 0.5) },
          found("neutrophil", boxAt(140, 50, 40)),
        ],
      },
    ])!;
    expect(score.confusion.eosinophil).toMatchObject({ eosinophil: 1, leukocyte: 1, neutrophil: 1, missed: 1 });
    expect(score.recall.eosinophil).toBe(0.25);
    expect(score.recall.basophil).toBeNull();
    expect(score.recallFive).toBe(0.25);
    expect(score.likeliest.recallFive).toBe(0.5);
  });
});

describe("searchThresholds", () => {
  it("finds the gap between right and wrong candidates, class by class", () => {
    const results = [0, 1, 2].map(() => ({
      truth: field([
        { cellClass: "erythrocyte" as const, box: boxAt(50, 50, 30) },
        { cellClass: "platelet" as const, box: boxAt(150, 50, 8) },
      ]),
      found: [
        found("erythrocyte", boxAt(50, 50, 30), 0.7),
        found("erythrocyte", boxAt(120, 120, 30), 0.4),
        found("platelet", boxAt(150, 50, 8), 0.3),
        found("platelet", boxAt(60, 150, 8), 0.1),
      ],
    }));
    const { erythrocyte, leukocyte, platelet } = searchThresholds(results, { fallback: 0.35 });
    expect(erythrocyte).toBeGreaterThan(0.4);
    expect(erythrocyte).toBeLessThanOrEqual(0.7);
    expect(platelet).toBeGreaterThan(0.1);
    expect(platelet).toBeLessThanOrEqual(0.3);
    expect(leukocyte).toBe(0.35);
  });

  it("lets groups weigh alike, whatever their numbers of cells", () => {
    const truth = field([{ cellClass: "erythrocyte", box: boxAt(50, 50, 30) }]);
    const sure = {
      truth,
      found: [found("erythrocyte", boxAt(50, 50, 30), 0.9), found("erythrocyte", boxAt(120, 120, 30), 0.4)],
    };
    const faint = { truth, found: [found("erythrocyte", boxAt(50, 50, 30), 0.3)] };
    const [many, few] = [Array.from({ length: 9 }, () => sure), [faint, faint, faint]];
    const results = [
      ...many.map((result) => ({ ...result, group: "a" })),
      ...few.map((result) => ({ ...result, group: "b" })),
    ];
    expect(searchThresholds(results).erythrocyte).toBeGreaterThan(0.4);
    // A low threshold gives 0 and 100 %, a high one 90 and 0 %.
    const even = [...results, { truth, found: [], group: "a" }];
    const thresholds = searchThresholds(even, { groupOf: ({ group }) => group });
    expect(thresholds.erythrocyte).toBeLessThanOrEqual(0.3);
  });
});

describe("scoreDataset", () => {
  it("scores at the depth of the labels, and with leukocytes as one class where they go deeper", () => {
    const truth = field([{ cellClass: "monocyte", box: boxAt(50, 50, 40) }]);
    const cells = [found("lymphocyte", boxAt(50, 50, 40))];
    const shallow = scoreDataset([{ truth, found: cells, candidates: cells }], ["leukocyte", "monocyte"]);
    expect(shallow).toMatchObject({ fields: 1, depth: "density", raw: { pooled: { M: 0, P: 100 } } });
    expect(shallow.density).toBeUndefined();
    const deep = scoreDataset([{ truth, found: cells, candidates: cells }], ["monocyte", "lymphocyte"]);
    expect(deep).toMatchObject({
      depth: "named",
      raw: { pooled: { M: 1, e: 1 } },
      density: { raw: { pooled: { P: 100 } } },
    });
    expect(deep.leukocytes?.confusion.monocyte.lymphocyte).toBe(1);
  });
});
