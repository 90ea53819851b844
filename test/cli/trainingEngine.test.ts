import { describe, expect, it } from "vitest";
import { trainingEngineFor, trainingEngineOption } from "../../src/cli/trainingEngine.js";
import { findTensorFlow } from "../../src/engine/index.js";

const refusal = (code: string) => expect.objectContaining({ name: "CytoError", code });

describe("--engine", () => {
  it("knows two engines and takes the embedded one by itself", () => {
    const option = trainingEngineOption();
    expect(option.argChoices).toEqual(["onnxruntime", "tfjs"]);
    expect(option.defaultValue).toBe("onnxruntime");
  });

  it("gives the engine that it names, or says that it is not there", async () => {
    expect((await trainingEngineFor({ engine: "onnxruntime", provider: "cpu", threads: 1 })).name).toBe("onnxruntime");
    const named = trainingEngineFor({ engine: "tfjs", provider: "auto" });
    if (findTensorFlow().state === "ready") expect((await named).name).toBe("tfjs");
    else await expect(named).rejects.toEqual(refusal("TENSORFLOW_UNAVAILABLE"));
  });

  it("does not take a provider for tfjs", async () => {
    await expect(trainingEngineFor({ engine: "tfjs", provider: "cuda" })).rejects.toEqual(refusal("USAGE"));
  });
});
