import { CytoError } from "../../core/index.js";

/** A constant tensor of an ONNX file. */
export interface StoredConstant {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** One field of a protocol buffers message: its number, and its bytes or its value. */
interface Field {
  readonly number: number;
  readonly bytes?: Uint8Array;
  readonly value?: number;
}

const floatType = 1;
/** Field numbers of onnx.proto3. */
const modelGraph = 7;
const graphInitialiser = 5;
const tensor = { dims: 1, type: 2, name: 8, raw: 9 } as const;

const broken = (): CytoError => new CytoError("MODEL_INVALID", "The bytes are no ONNX file");

/** The fields of a message in their order. @throws CytoError MODEL_INVALID */
function* fieldsOf(bytes: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++];
      if (byte === undefined || scale > 2 ** 63) throw broken();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const [number, kind] = [Math.floor(key / 8), key % 8];
    if (kind === 0) {
      yield { number, value: varint() };
      continue;
    }
    const length = kind === 2 ? varint() : kind === 1 ? 8 : kind === 5 ? 4 : -1;
    if (length < 0 || at + length > bytes.length) throw broken();
    yield { number, bytes: bytes.subarray(at, at + length) };
    at += length;
  }
}

const readTensor = (bytes: Uint8Array): { name: string; constant: StoredConstant } | undefined => {
  const shape: number[] = [];
  let [name, type, raw] = ["", 0, new Uint8Array(0) as Uint8Array];
  for (const field of fieldsOf(bytes)) {
    // Dimensions come one a field or, packed, all in one.
    if (field.number === tensor.dims) shape.push(...(field.bytes ? varintsOf(field.bytes) : [field.value!]));
    else if (field.number === tensor.type) type = field.value!;
    else if (field.number === tensor.name) name = new TextDecoder().decode(field.bytes);
    else if (field.number === tensor.raw) raw = field.bytes!;
  }
  const length = shape.reduce((product, dim) => product * dim, 1);
  if (type !== floatType) return undefined;
  if (raw.length !== 4 * length) throw broken();
  return { name, constant: { shape, data: new Float32Array(Uint8Array.from(raw).buffer) } };
};

const varintsOf = (bytes: Uint8Array): number[] => {
  const values: number[] = [];
  for (let at = 0; at < bytes.length; at++) {
    let [value, scale] = [0, 1];
    for (; bytes[at]! >= 0x80; at++, scale *= 128) value += (bytes[at]! & 0x7f) * scale;
    values.push(value + (bytes[at] ?? 0) * scale);
  }
  return values;
};

/**
 * The float32 constants (initialisers, as raw data) of an ONNX file by name.
 * @throws CytoError MODEL_INVALID where the bytes are no ONNX file
 */
export const readConstants = (onnx: Uint8Array): ReadonlyMap<string, StoredConstant> => {
  const constants = new Map<string, StoredConstant>();
  for (const model of fieldsOf(onnx)) {
    if (model.number !== modelGraph || !model.bytes) continue;
    for (const { number, bytes } of fieldsOf(model.bytes)) {
      const read = number === graphInitialiser && bytes ? readTensor(bytes) : undefined;
      if (read) constants.set(read.name, read.constant);
    }
  }
  return constants;
};
