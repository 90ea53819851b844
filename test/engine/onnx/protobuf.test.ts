import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ProtobufWriter } from "../../../src/engine/onnx/protobuf.js";
import { bytesOf, readFields } from "./protobufReader.js";

const fieldNumber = fc.integer({ min: 1, max: 2047 });
/** Comparing text is quicker than comparing arrays. */
const text = (value: bigint | number | string | Uint8Array): string => {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  return typeof value === "string" ? Buffer.from(value).toString("hex") : `${value}`;
};
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

describe("ProtobufWriter", () => {
  it("writes the examples of the encoding's reference byte by byte", () => {
    expect([...new ProtobufWriter().integer(1, 150).finish()]).toEqual([0x08, 0x96, 0x01]);
    expect([...new ProtobufWriter().string(2, "testing").finish()]).toEqual([
      0x12, 0x07, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67,
    ]);
    expect([...new ProtobufWriter().message(3, (inner) => inner.integer(1, 150)).finish()]).toEqual([
      0x1a, 0x03, 0x08, 0x96, 0x01,
    ]);
  });

  it("takes ten bytes for a negative integer", () => {
    expect([...new ProtobufWriter().integer(1, -2).finish()]).toEqual([
      0x08, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01,
    ]);
  });

  it("writes any int64 so that it reads back", () => {
    fc.assert(
      fc.property(fieldNumber, int64, (number, value) => {
        expect(readFields(new ProtobufWriter().integer(number, value).finish())).toEqual([{ number, wire: 0, value }]);
      }),
    );
  });

  it("writes any whole number so that it reads back", () => {
    fc.assert(
      fc.property(fieldNumber, fc.maxSafeInteger(), (number, value) => {
        const [field] = readFields(new ProtobufWriter().integer(number, value).finish());
        expect(field).toEqual({ number, wire: 0, value: BigInt(value) });
      }),
    );
  });

  it("keeps fields of all kinds in order, however long they grow", () => {
    const field = fc.oneof(
      fc.record({ kind: fc.constant("integer" as const), number: fieldNumber, value: int64 }),
      fc.record({ kind: fc.constant("float" as const), number: fieldNumber, value: fc.float() }),
      fc.record({ kind: fc.constant("string" as const), number: fieldNumber, value: fc.string({ unit: "grapheme" }) }),
      fc.record({
        kind: fc.constant("bytes" as const),
        number: fieldNumber,
        value: fc.uint8Array({ maxLength: 300 }),
      }),
    );
    fc.assert(
      fc.property(fc.array(field, { maxLength: 12 }), (written) => {
        const writer = new ProtobufWriter();
        for (const { kind, number, value } of written) {
          if (kind === "integer") writer.integer(number, value);
          else if (kind === "float") writer.float(number, value);
          else if (kind === "string") writer.string(number, value);
          else writer.bytes(number, value);
        }
        const expected = written.map(({ number, value }) => [number, text(value)]);
        expect(readFields(writer.finish()).map(({ number, value }) => [number, text(value)])).toEqual(expected);
      }),
      { numRuns: 50 },
    );
  });

  it("nests messages", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.uint8Array({ maxLength: 500 }), (depth, payload) => {
        const nest = (writer: ProtobufWriter, level: number): void => {
          if (level === 0) writer.bytes(7, payload);
          else writer.message(level, (inner) => nest(inner, level - 1));
        };
        const writer = new ProtobufWriter();
        nest(writer, depth);
        let bytes: Uint8Array = writer.finish();
        for (let level = depth; level > 0; level -= 1) bytes = bytesOf(readFields(bytes), level)[0]!;
        expect(bytesOf(readFields(bytes), 7).map(text)).toEqual([text(payload)]);
      }),
    );
  });

  it("gives a copy that later writing does not touch", () => {
    const writer = new ProtobufWriter().integer(1, 1);
    const before = writer.finish();
    writer.integer(1, 2);
    expect([...before]).toEqual([0x08, 0x01]);
  });
});
