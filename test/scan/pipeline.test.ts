import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { runPipeline } from "../../src/scan/run/index.js";

/** Lets what is due happen, so many turns. */
const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
};

const delays = fc.array(fc.record({ take: fc.nat(3), search: fc.nat(9), commit: fc.nat(3) }), { maxLength: 25 });

describe("the pipeline", () => {
  it("commits all fields once, in order, with never more under way than allowed", async () => {
    await fc.assert(
      fc.asyncProperty(delays, fc.integer({ min: 1, max: 5 }), async (fields, underWay) => {
        const committed: number[] = [];
        let flowing = 0;
        let most = 0;
        let taking = 0;
        let committing = 0;
        const end = await runPipeline<number, number>(
          {
            take: async (index) => {
              expect(++taking).toBe(1);
              await turns(fields[index]!.take);
              taking--;
              most = Math.max(most, ++flowing);
              return index;
            },
            search: async (index) => {
              await turns(fields[index]!.search);
              return index;
            },
            commit: async (index) => {
              expect(++committing).toBe(1);
              await turns(fields[index]!.commit);
              committing--;
              committed.push(index);
              flowing--;
              return true;
            },
          },
          { from: 0, to: fields.length, underWay, isHalted: () => false },
        );
        expect(end).toBe("done");
        expect(committed).toEqual(fields.map((_, index) => index));
        expect(most).toBeLessThanOrEqual(underWay);
      }),
      { numRuns: 60 },
    );
  });

  it("moves on while earlier fields are searched", async () => {
    let searched: () => void = () => {};
    const taken: number[] = [];
    const done = runPipeline<number, number>(
      {
        take: async (index) => {
          taken.push(index);
          if (index === 2) searched();
          return index;
        },
        search: (index) =>
          index === 0
            ? new Promise((resolve) => {
                searched = () => resolve(index);
              })
            : Promise.resolve(index),
        commit: async () => true,
      },
      { from: 0, to: 4, underWay: 3, isHalted: () => false },
    );
    expect(await done).toBe("done");
    expect(taken).toEqual([0, 1, 2, 3]);
  });

  it("commits nothing after a failure or after enough, and all that was taken before", async () => {
    const step = fc.constantFrom("take", "search", "commit", "enough", "halt");
    await fc.assert(
      fc.asyncProperty(delays, step, fc.nat(24), fc.integer({ min: 1, max: 4 }), async (fields, what, at, underWay) => {
        const committed: number[] = [];
        let halted = false;
        const failAt = (step: string, index: number): void => {
          if (step === what && index === at) throw new Error(step);
        };
        const run = runPipeline<number, number>(
          {
            take: async (index) => {
              await turns(fields[index]!.take);
              failAt("take", index);
              if (what === "halt" && index === at) halted = true;
              return index;
            },
            search: async (index) => {
              await turns(fields[index]!.search);
              failAt("search", index);
              return index;
            },
            commit: async (index) => {
              await turns(fields[index]!.commit);
              failAt("commit", index);
              committed.push(index);
              return !(what === "enough" && index === at);
            },
          },
          { from: 0, to: fields.length, underWay, isHalted: () => halted },
        );
        const end = await run.catch((error: Error) => error.message);
        const happens = at < fields.length;
        const last = !happens ? fields.length : what === "enough" || what === "halt" ? at + 1 : at;
        const whole = what === "halt" && at === fields.length - 1;
        expect(committed).toEqual(Array.from({ length: last }, (_, index) => index));
        expect(end).toBe(!happens || whole ? "done" : what === "halt" ? "halted" : what);
      }),
      { numRuns: 100 },
    );
  });
});
