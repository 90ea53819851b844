/**
 * A network just large enough to tell a real accelerator from an emulated one: x float32 [1, 32, 96, 96] ->
 * 3x3 convolution -> ReLU -> 3x3 convolution -> y, same shape, all weights 0.003 (made by ConstantOfShape), opset 17;
 * 0.34 GFLOP. A serialised ONNX ModelProto of 255 bytes.
 */
const base64 =
  "CAgSADryAQoyCgFzEgF3Ig9Db25zdGFudE9mU2hhcGUqGQoFdmFsdWUqDQgBEAEiBKabRDtCAXagAQQKIgoBeAoBdxIBYSIEQ29udioRCgRwYWRz" +
  "QAFAAUABQAGgAQcKDAoBYRIBYiIEUmVsdQoiCgFiCgF3EgF5IgRDb252KhEKBHBhZHNAAUABQAFAAaABBxIBcCopCAQQB0IBc0ogIAAAAAAAAAAg" +
  "AAAAAAAAAAMAAAAAAAAAAwAAAAAAAABaGwoBeBIWChQIARIQCgIIAQoCCCAKAghgCgIIYGIbCgF5EhYKFAgBEhAKAggBCgIIIAoCCGAKAghgQgQK" +
  "ABAR";

export const trialNetwork = (): Uint8Array => Uint8Array.from(Buffer.from(base64, "base64"));

export const trialShape: readonly number[] = [1, 32, 96, 96];

/** Value of y in the middle for x = 1: 288 products of 0.003 in each of two convolutions. */
export const trialResult = 288 * 0.003 * 288 * 0.003;
