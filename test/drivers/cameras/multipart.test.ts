import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { boundaryOf, type MultipartEvent, MultipartParser } from "../../../drivers/cameras/mjpeg/multipart.js";

const limits = { maxBodyBytes: 4096, maxHeaderBytes: 512 };
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** Cuts bytes at the places that the numbers tell. */
function* chunksOf(bytes: Uint8Array, lengths: Iterable<number>): Generator<Uint8Array> {
  let at = 0;
  for (const length of lengths) {
    if (at >= bytes.length) return;
    yield bytes.slice(at, at + length);
    at += length;
  }
}

const parse = (bytes: Uint8Array, lengths: Iterable<number>, boundary = "cut"): MultipartEvent[] => {
  const parser = new MultipartParser(boundary, limits);
  return [...chunksOf(bytes, lengths)].flatMap((chunk) => [...parser.push(chunk)]);
};

const bodiesOf = (events: readonly MultipartEvent[]): string[] =>
  events.flatMap((event) => (event.kind === "part" ? [Buffer.from(event.body).toString("hex")] : []));

const lengths = fc.infiniteStream(fc.integer({ min: 1, max: 90 }));
/** Bodies in which the delimiter does not appear, and that do not end as a line does. */
const body = fc
  .uint8Array({ maxLength: 300 })
  .filter((bytes) => !Buffer.from(bytes).includes("--cut") && ![10, 13].includes(bytes.at(-1) ?? 0));
const style = fc.record({
  counted: fc.boolean(),
  newline: fc.constantFrom("\r\n", "\n"),
  blank: fc.integer({ min: 0, max: 2 }),
});

const partOf = (bytes: Uint8Array, { counted, newline, blank }: { counted: boolean; newline: string; blank: number }) =>
  Buffer.concat([
    text(`${newline.repeat(blank)}--cut${newline}Content-Type: image/jpeg${newline}`),
    text(counted ? `Content-Length: ${bytes.length}${newline}` : ""),
    text(newline),
    bytes,
    text(newline),
  ]);

describe("the parser of multipart streams", () => {
  it("gives every part, whole, wherever the chunks end and however its end is told", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(body, style), { maxLength: 8 }),
        fc.uint8Array({ maxLength: 40 }),
        lengths,
        (parts, prelude, cuts) => {
          fc.pre(!Buffer.from(prelude).includes("--cut"));
          const stream = Buffer.concat([
            prelude,
            ...parts.map(([bytes, how], index) => {
              // After a part that tells no length, empty lines would belong to it.
              const blank = parts[index - 1]?.[1].counted === false ? 0 : how.blank;
              return partOf(bytes, { ...how, blank });
            }),
            text("--cut--\r\n"),
          ]);
          const events = parse(stream, cuts);
          expect(events.filter(({ kind }) => kind === "fault")).toEqual([]);
          expect(bodiesOf(events)).toEqual(parts.map(([bytes]) => Buffer.from(bytes).toString("hex")));
        },
      ),
      { numRuns: 400 },
    );
  });

  it("gives the same events for the same bytes, whatever the bytes and the chunks", () => {
    const anything = fc.array(
      fc.oneof(
        fc.uint8Array({ maxLength: 60 }),
        fc
          .constantFrom(
            "--cut",
            "--cut\r\n",
            "--cut--",
            "\r\n\r\n",
            "\n",
            "Content-Length: 7",
            "Content-Length: -1",
            "Content-Length: 99999",
            "x: y\r\n",
          )
          .map(text),
      ),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(anything, lengths, (pieces, cuts) => {
        const stream = Buffer.concat(pieces);
        const whole = parse(stream, [stream.length]);
        const cut = parse(stream, cuts);
        expect(bodiesOf(cut)).toEqual(bodiesOf(whole));
        for (const event of whole)
          if (event.kind === "part") expect(event.body.length).toBeLessThanOrEqual(limits.maxBodyBytes);
      }),
      { numRuns: 600 },
    );
  });

  it.each([
    ["a length that cannot be", "--cut\r\nContent-Length: 999999\r\n\r\nabc\r\n"],
    ["a length that is none", "--cut\r\nContent-Length: many\r\n\r\nabc\r\n"],
    ["a length that swallows the next part", "--cut\r\nContent-Length: 30\r\n\r\nabc\r\n"],
    ["a header without end", `--cut\r\nx: ${"y".repeat(600)}`],
    ["a boundary line without end", `--cut${"y".repeat(600)}`],
    ["a part that is too long", `--cut\r\n\r\n${"y".repeat(5000)}\r\n`],
    ["too short a length", "--cut\r\nContent-Length: 1\r\n\r\nabcdef\r\n"],
  ])("counts %s once, and goes on at the next boundary", (_what, broken) => {
    for (const length of [1, 7, 1000]) {
      const good = "--cut\r\nContent-Length: 4\r\n\r\ngood\r\n";
      const stream = text(`${good}${broken}${good}${good}`);
      const events = parse(stream, new Array<number>(stream.length).fill(length));
      expect(events.filter(({ kind }) => kind === "fault")).toHaveLength(1);
      const goodOnes = bodiesOf(events).filter((hex) => hex === Buffer.from("good").toString("hex"));
      expect(goodOnes).toHaveLength(3);
    }
  });

  it("takes the first line for the boundary where none is told, or knows that there is none", () => {
    fc.assert(
      fc.property(lengths, (cuts) => {
        const parser = new MultipartParser(undefined, limits);
        const stream = text("\r\n--x\r\nContent-Length: 1\r\n\r\na\r\n--x\r\n\r\nbc\r\n--x--");
        const events = [...chunksOf(stream, cuts)].flatMap((chunk) => [...parser.push(chunk)]);
        expect([bodiesOf(events), parser.foreign, parser.over]).toEqual([["61", "6263"], false, true]);
      }),
    );
    for (const other of ["<html>\n", "x".repeat(300), "--\n", `--${"y".repeat(300)}\n`]) {
      const parser = new MultipartParser(undefined, limits);
      expect([parser.push(text(other)), parser.foreign]).toEqual([[], true]);
    }
  });

  it("reads the boundary of a Content-Type, as servers write it", () => {
    expect(boundaryOf("multipart/x-mixed-replace;boundary=ffmpeg")).toBe("ffmpeg");
    expect(boundaryOf('Multipart/X-Mixed-Replace; charset=x; Boundary="a b"')).toBe("a b");
    expect(boundaryOf("multipart/x-mixed-replace; boundary=--cam")).toBe("cam");
    for (const other of [
      "image/jpeg",
      "",
      "multipart/x-mixed-replace",
      "multipart/x; boundary=",
      "text/multipart/; boundary=x",
    ]) {
      expect(boundaryOf(other)).toBeUndefined();
    }
  });
});
