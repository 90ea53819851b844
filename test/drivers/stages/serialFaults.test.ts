import { describe, expect, it, vi } from "vitest";
import { createRandom } from "../../../src/core/index.js";
import { controllerCases } from "./controllers.js";
import { needsSocat, socatThere } from "./emulators/pty.js";
import { SerialTrial, serialFaults } from "./serialTrials.js";

// Eight controllers at once, each through six faults: long on a machine that has other things to do.
vi.setConfig({ testTimeout: 300_000 });

describe.skipIf(!socatThere)(`stages on a line that fails in mid-move (${needsSocat})`, () => {
  it.concurrent.each(controllerCases)(
    "$name moves by nobody's will, is halted, lost and opened again",
    async (subject) => {
      await using trial = await SerialTrial.open(subject, createRandom(24));
      for (const fault of serialFaults) await trial.round(fault);
      const { figures } = trial;
      expect(figures).toMatchObject({ rounds: serialFaults.length, wrong: [] });
      expect(figures.stopMs).toHaveLength(2);
      expect(figures.reopenedMs).toHaveLength(2);
    },
  );
});
