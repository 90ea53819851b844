import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatCount, formatDuration, formatUm, wordsOf } from "../../src/dashboard/app/format.js";
import { defaultSettings, parseSettings } from "../../src/dashboard/app/settings.js";
import {
  initialView,
  reduceView,
  type ScannedField,
  staleReason,
  type ViewEvent,
} from "../../src/dashboard/app/view.js";
import { serverExamples } from "../../src/publication/protocol/examples.js";

const field = (x: number, y: number): ScannedField => ({ x, y, widthUm: 128, heightUm: 96 });

const anyEvent: fc.Arbitrary<ViewEvent> = fc.oneof(
  fc.constantFrom(...Object.values(serverExamples)).map((message): ViewEvent => ({ type: "message", message })),
  fc
    .tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 40 }))
    .map(([x, y]): ViewEvent => ({ type: "field", field: field(x * 30, y * 30) })),
  fc.constantFrom<ViewEvent>(
    { type: "connection", connection: { phase: "live", how: "new", missed: 0 } },
    { type: "connection", connection: { phase: "waiting", attempt: 1, retryAtMs: 0 } },
    { type: "fields", fields: [field(0, 0)] },
  ),
);

describe("the view", () => {
  it("lists no place of the slide twice, and the newest last, whatever comes", () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 60 }), (events) => {
        let view = initialView;
        for (const event of events) {
          view = reduceView(view, event);
          if (event.type !== "field") continue;
          const newest = view.fields.at(-1);
          expect(Math.abs((newest?.x ?? 0) - event.field.x)).toBeLessThan(8);
        }
        const places = view.fields.map(({ x, y }) => `${x} ${y}`);
        expect(new Set(places).size).toBe(places.length);
      }),
    );
  });

  it("forgets the figures of an earlier run of the daemon, and keeps those of the same", () => {
    const { hello, counts } = serverExamples;
    const live = [hello, counts].reduce(
      (view, message) => reduceView(view, { type: "message", message: message! }),
      initialView,
    );
    expect(reduceView(live, { type: "message", message: hello! }).counts).toBeDefined();
    const restarted = { ...hello!, run: "another" } as typeof hello;
    expect(reduceView(live, { type: "message", message: restarted! }).counts).toBeUndefined();
  });

  it("calls figures stale when the connection is gone or the camera silent", () => {
    const { counts, status } = serverExamples;
    const shown = [status, counts].reduce(
      (view, message) => reduceView(view, { type: "message", message: message! }),
      reduceView(initialView, { type: "connection", connection: { phase: "live", how: "new", missed: 0 } }),
    );
    expect(staleReason(shown)).toBeUndefined();
    const lost = reduceView(shown, { type: "connection", connection: { phase: "connecting", attempt: 1 } });
    expect(staleReason(lost)).toContain("connection");
    const silent = { ...counts!, stale: true } as typeof counts;
    expect(staleReason(reduceView(shown, { type: "message", message: silent! }))).toContain("camera");
  });
});

describe("settings", () => {
  it("are taken from any text, what does not fit at its default", () => {
    expect(parseSettings(null)).toEqual(defaultSettings);
    expect(parseSettings('{"theme":"dark","boxes":true,"letters":"no"}')).toEqual({
      ...defaultSettings,
      theme: "dark",
      boxes: true,
    });
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(Object.keys(parseSettings(text)).sort()).toEqual(Object.keys(defaultSettings).sort());
      }),
    );
  });
});

describe("figures in words", () => {
  it.each([
    [formatCount(1234567), "1\u202f234\u202f567"],
    [formatUm(-1500), "-1.5 mm"],
    [formatUm(424), "424 µm"],
    [formatDuration(3_723_000), "1 h 2 min"],
    [formatDuration(98_000), "1 min 38 s"],
    [wordsOf("replacedByNewer"), "replaced by newer"],
  ])("%s", (given, expected) => expect(given).toBe(expected));
});
