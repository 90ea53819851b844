import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { assign, type Edge } from "../../src/training/scoring/index.js";
import { python, requirePython } from "../requirements.js";

const hasScipy = requirePython("scipy.optimize", "numpy");

interface Graph {
  readonly truths: number;
  readonly founds: number;
  readonly edges: readonly Edge[];
}

const graphs = fc.record({ truths: fc.integer({ min: 0, max: 9 }), founds: fc.integer({ min: 0, max: 9 }) }).chain(
  ({ truths, founds }): fc.Arbitrary<Graph> =>
    fc.record({
      truths: fc.constant(truths),
      founds: fc.constant(founds),
      edges:
        truths === 0 || founds === 0
          ? fc.constant([])
          : fc.uniqueArray(
              fc.record({
                truth: fc.nat(truths - 1),
                found: fc.nat(founds - 1),
                cost: fc.integer({ min: 0, max: 400 }).map((cost) => cost / 8),
              }),
              { selector: ({ truth, found }) => truth * 100 + found, maxLength: 30 },
            ),
    }),
);

const outcome = ({ truths, founds, edges }: Graph): { matches: number; cost: number } => {
  const foundOf = assign(edges, truths, founds);
  let matches = 0;
  let cost = 0;
  foundOf.forEach((found, truth) => {
    if (found < 0) return;
    matches++;
    cost += edges.find((edge) => edge.truth === truth && edge.found === found)!.cost;
  });
  return { matches, cost };
};

/** Most matches and their least cost by trying everything. */
const exhaustive = ({ truths, edges }: Graph): { matches: number; cost: number } => {
  let best = { matches: 0, cost: 0 };
  const visit = (truth: number, taken: ReadonlySet<number>, matches: number, cost: number): void => {
    if (truth === truths) {
      if (matches > best.matches || (matches === best.matches && cost < best.cost)) best = { matches, cost };
      return;
    }
    visit(truth + 1, taken, matches, cost);
    for (const edge of edges)
      if (edge.truth === truth && !taken.has(edge.found))
        visit(truth + 1, new Set([...taken, edge.found]), matches + 1, cost + edge.cost);
  };
  visit(0, new Set(), 0, 0);
  return best;
};

describe("assign", () => {
  it("pairs each truth with one finding at most and each finding with one truth at most, along edges only", () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        const foundOf = assign(graph.edges, graph.truths, graph.founds);
        const used = Array.from(foundOf).filter((found) => found >= 0);
        expect(new Set(used).size).toBe(used.length);
        foundOf.forEach((found, truth) => {
          if (found >= 0) expect(graph.edges.some((e) => e.truth === truth && e.found === found)).toBe(true);
        });
      }),
    );
  });

  it("makes as many matches as can be made, at the least cost", () => {
    const small = graphs.filter(({ truths, edges }) => truths <= 6 && edges.length <= 14);
    fc.assert(
      fc.property(small, (graph) => {
        expect(outcome(graph)).toEqual(exhaustive(graph));
      }),
    );
  });

  it("prefers two long pairs to one short pair", () => {
    const edges = [
      { truth: 0, found: 0, cost: 0 },
      { truth: 0, found: 1, cost: 50 },
      { truth: 1, found: 0, cost: 50 },
    ];
    expect(Array.from(assign(edges, 2, 2))).toEqual([1, 0]);
  });

  it.skipIf(!hasScipy)("agrees with scipy's linear_sum_assignment (needs Python's scipy)", () => {
    const cases = fc.sample(graphs, { numRuns: 300, seed: 11 });
    const script = `
import json, sys, numpy as np
from scipy.optimize import linear_sum_assignment
out = []
for g in json.load(sys.stdin):
    cost = np.full((g["truths"], g["founds"]), 1e6)
    for e in g["edges"]: cost[e["truth"], e["found"]] = e["cost"]
    if cost.size == 0: out.append([0, 0.0]); continue
    rows, columns = linear_sum_assignment(cost)
    used = [cost[r, c] for r, c in zip(rows, columns) if cost[r, c] < 1e6]
    out.append([len(used), float(sum(used))])
print(json.dumps(out))`;
    const answer = execFileSync(python, ["-c", script], { input: JSON.stringify(cases), encoding: "utf8" });
    const expected = JSON.parse(answer) as [number, number][];
    cases.forEach((graph, index) => {
      const { matches, cost } = outcome(graph);
      expect(matches).toBe(expected[index]![0]);
      expect(cost).toBeCloseTo(expected[index]![1], 6);
    });
  });
});
