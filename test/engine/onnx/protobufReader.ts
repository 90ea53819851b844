/** A reader of the protocol buffers wire format (protobuf.dev, "Encoding"), written apart from the writer under test. */
export type Field =
  | { readonly number: number; readonly wire: 0; readonly value: bigint }
  | { readonly number: number; readonly wire: 2; readonly value: Uint8Array }
  | { readonly number: number; readonly wire: 5; readonly value: number };

export const readFields = (bytes: Uint8Array): Field[] => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fields: Field[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      if (shift > 63n) throw new Error("a varint of more than ten bytes");
      const byte = view.getUint8(at);
      at += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const [number, wire] = [Number(tag >> 3n), Number(tag & 7n)];
    if (wire === 0) fields.push({ number, wire, value: BigInt.asIntN(64, varint()) });
    else if (wire === 2) {
      const length = Number(varint());
      if (at + length > bytes.length) throw new Error("a field reaches past the end");
      fields.push({ number, wire, value: bytes.subarray(at, at + length) });
      at += length;
    } else if (wire === 5) {
      fields.push({ number, wire, value: view.getFloat32(at, true) });
      at += 4;
    } else throw new Error(`wire type ${wire}`);
  }
  return fields;
};

export const bytesOf = (fields: readonly Field[], number: number): Uint8Array[] =>
  fields.flatMap((field) => (field.number === number && field.wire === 2 ? [field.value] : []));

export const integersOf = (fields: readonly Field[], number: number): bigint[] =>
  fields.flatMap((field) => (field.number === number && field.wire === 0 ? [field.value] : []));

export const stringsOf = (fields: readonly Field[], number: number): string[] =>
  bytesOf(fields, number).map((bytes) => new TextDecoder("utf-8", { fatal: true }).decode(bytes));
