import { onnxruntimeEngine, type TrainingEngine, tfjsEngine } from "../../src/engine/index.js";
import { requireTensorFlow } from "../requirements.js";

export interface EngineUnderTest {
  readonly title: string;
  readonly engine: TrainingEngine;
  readonly present: boolean;
}

const oneThread = 1;

/** The engine that is there everywhere. */
export const embedded: EngineUnderTest = {
  title: "onnxruntime",
  engine: onnxruntimeEngine({ intraOpThreads: oneThread }),
  present: true,
};

/** TensorFlow.js' own arithmetic, for tiny shapes. */
export const inJavaScript: EngineUnderTest = {
  title: "tfjs in pure JavaScript",
  engine: tfjsEngine({ backend: "javascript" }),
  present: true,
};

export const native: EngineUnderTest = {
  title: "tfjs on TensorFlow's library (needs npm run setup:tensorflow)",
  engine: tfjsEngine({ threads: oneThread }),
  present: requireTensorFlow(),
};

/** What every engine has to keep, `describe.for(engines)`-wise. */
export const engines: readonly EngineUnderTest[] = [embedded, inJavaScript, native];
