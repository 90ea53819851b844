import { CytoError } from "../../core/index.js";

/** A float32 tensor that an ONNX file holds. */
export interface StoredTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A field of a protocol buffers message (protobuf.dev, "Encoding"). */
type WireField =
  | { readonly number: number; readonly value: number }
  | { readonly number: number; readonly bytes: Uint8Array };

const broken = (reason: string): CytoError => new CytoError("MODEL_INVALID", `no ONNX file: ${reason}`);

/** The fields of a message, in order; whole numbers beyond 2^53 lose their lower bits. */
const fieldsOf = (message: Uint8Array): WireField[] => {
  const fields: WireField[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = message[at++];
      if (byte === undefined) throw broken("it ends within a number");
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw broken("a number of more than ten bytes");
  };
  const take = (length: number): Uint8Array => {
    if (at + length > message.length) throw broken("a field reaches past the end");
    at += length;
    return message.subarray(at - length, at);
  };
  while (at < message.length) {
    const tag = varint();
    const [number, wire] = [Math.floor(tag / 8), tag % 8];
    if (wire === 0) fields.push({ number, value: varint() });
    else if (wire === 1) take(8);
    else if (wire === 2) fields.push({ number, bytes: take(varint()) });
    else if (wire === 5) take(4);
    else throw broken(`wire type ${wire}`);
  }
  return fields;
};

const messagesOf = (fields: readonly WireField[], number: number): Uint8Array[] =>
  fields.flatMap((field) => (field.number === number && "bytes" in field ? [field.bytes] : []));

/** Field numbers of onnx.proto3. */
const graphOfModel = 7;
const initializerOfGraph = 5;
const tensor = { dims: 1, dataType: 2, name: 8, rawData: 9 };
const float32 = 1;

const tensorOf = (message: Uint8Array): StoredTensor | undefined => {
  const fields = fieldsOf(message);
  const numbers = (number: number): number[] =>
    fields.flatMap((field) => (field.number === number && "value" in field ? [field.value] : []));
  const [raw] = messagesOf(fields, tensor.rawData);
  if (numbers(tensor.dataType)[0] !== float32 || !raw) return undefined;
  const shape = numbers(tensor.dims);
  if (shape.reduce((product, dim) => product * dim, 1) * 4 !== raw.length)
    throw broken(`a tensor [${shape.join(",")}] has ${raw.length} bytes`);
  const [name] = messagesOf(fields, tensor.name);
  const data = new Float32Array(Uint8Array.from(raw).buffer);
  return { name: new TextDecoder().decode(name ?? new Uint8Array(0)), shape, data };
};

/**
 * The float32 constants of an ONNX file as `serialise` writes it (raw data, unpacked dimensions): a network's weights.
 * @throws CytoError MODEL_INVALID for what is no such file
 */
export const readConstants = (file: Uint8Array): readonly StoredTensor[] => {
  const [graph] = messagesOf(fieldsOf(file), graphOfModel);
  if (!graph) throw broken("it has no graph");
  return messagesOf(fieldsOf(graph), initializerOfGraph).flatMap((message) => tensorOf(message) ?? []);
};
