import { Tensor } from "onnxruntime-node";
import type { ExecutionProvider, ProviderTrial } from "./provider.js";
import { openSession } from "./session.js";
import { trialNetwork, trialResult, trialShape } from "./trialNetwork.js";

/** Entry of the child process that tries one provider; a native crash ends it alone. */
const tryProvider = async (provider: ExecutionProvider): Promise<ProviderTrial> => {
  const session = await openSession(trialNetwork(), { provider, threads: 0, wholly: provider !== "cpu" });
  const size = trialShape.reduce((product, length) => product * length, 1);
  const x = new Tensor("float32", new Float32Array(size).fill(1), trialShape);
  const times: number[] = [];
  for (let run = 0; run < 6; run++) {
    const start = performance.now();
    const { y } = await session.run({ x });
    const values = (await y?.getData()) as Float32Array | undefined;
    times.push(performance.now() - start);
    const middle = values?.[48 * 96 + 48];
    if (middle === undefined || Math.abs(middle - trialResult) > 0.01 * trialResult)
      return { provider, available: false, reason: `it computes ${middle} instead of ${trialResult}` };
  }
  const warm = times.slice(1).sort((a, b) => a - b);
  return { provider, available: true, runMs: warm[warm.length >> 1] as number };
};

/** onnxruntime's messages begin with a place in its source and a failed condition; the reason is what follows. */
const reasonOf = (message: string): string => (message.split("\n")[0] ?? message).replace(/^.* was false\. /, "");

const provider = process.argv[2] as ExecutionProvider;
const trial = await tryProvider(provider).catch((error: unknown): ProviderTrial => {
  const message = error instanceof Error ? error.message : String(error);
  return { provider, available: false, reason: reasonOf(message) };
});
process.send?.(trial, () => process.disconnect());
