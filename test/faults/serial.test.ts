import { describe, expect, it } from "vitest";
import { createRandom } from "../../src/core/index.js";
import { controllerCases } from "../drivers/stages/controllers.js";
import { noFigures, SerialTrial, serialFaults } from "../drivers/stages/serialTrials.js";
import { requireTool } from "../requirements.js";
import { quantile, tell, times } from "./counts.js";

describe.skipIf(!requireTool("socat"))("stages on a line that fails in mid-move (needs socat)", () => {
  const promised = times(1000, 10);

  it.each(serialFaults)(
    `%s, ${promised} times: no move that nobody asked for, stop within 200 ms, open again within 5 s (promise 24)`,
    async (fault) => {
      const all = noFigures();
      let left = promised;
      // All controllers at the same time: what they wait for is each other's time.
      await Promise.all(
        controllerCases.map(async (subject, index) => {
          await using trial = await SerialTrial.open(subject, createRandom(2400 + index));
          while (left-- > 0) await trial.round(fault);
          const { figures } = trial;
          for (const name of ["rounds", "arrived", "failed", "unrequested", "misplaced"] as const)
            all[name] += figures[name];
          for (const name of ["wrong", "stopMs", "noticedMs", "reopenedMs"] as const)
            (all[name] as unknown[]).push(...figures[name]);
        }),
      );
      const { wrong, stopMs, noticedMs, reopenedMs, ...counts } = all;
      const summary = (name: string, values: readonly number[]): Record<string, number> =>
        values.length === 0
          ? {}
          : { [`${name} median ms`]: quantile(values, 0.5), [`${name} worst ms`]: Math.max(...values) };
      tell(24, {
        fault,
        ...counts,
        ...summary("stop", stopMs),
        ...summary("noticed", noticedMs),
        ...summary("reopened", reopenedMs),
      });
      expect(wrong).toEqual([]);
      expect([all.rounds, all.unrequested, all.misplaced]).toEqual([promised, 0, 0]);
      for (const ms of stopMs) expect(ms).toBeLessThanOrEqual(200);
      for (const ms of reopenedMs) expect(ms).toBeLessThanOrEqual(5000);
    },
  );
});
