import { vi } from "vitest";
import { register } from "../../src/cli/devices.js";
import { createProgram, describeFailure } from "../../src/cli/program.js";

/** Runs `cytostream devices` in this process. @returns what it wrote, how it failed, and its exit code */
export const devicesCommand = async (...words: readonly string[]) => {
  const text = { stdout: "", stderr: "" };
  const spies = (["stdout", "stderr"] as const).map((name) =>
    vi.spyOn(process[name], "write").mockImplementation((part) => {
      text[name] += part;
      return true;
    }),
  );
  process.exitCode = undefined;
  try {
    const program = createProgram("0.1.0");
    register(program);
    await program.parseAsync(["node", "cytostream", "devices", ...words]);
    return { ...text, failure: undefined, exitCode: process.exitCode };
  } catch (error) {
    const failure = describeFailure(error, false);
    return { ...text, failure, exitCode: failure.exitCode };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
};
