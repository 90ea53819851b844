import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { emptyForm, faultsOf, requestOf, type ScanFields } from "../../src/dashboard/app/scans/form.js";
import {
  dragged,
  type MapView,
  type Point,
  tileRectUm,
  toCanvas,
  toSlide,
  visibleTiles,
} from "../../src/dashboard/app/scans/mapView.js";
import { scansStaleReason, stalenessOf } from "../../src/dashboard/app/scans/staleness.js";
import { adviceOf, countsText } from "../../src/dashboard/app/scans/words.js";
import { initialView, reduceView, type View } from "../../src/dashboard/app/view.js";
import { serverExamples } from "../../src/publication/protocol/examples.js";
import { scanRequestSchema } from "../../src/publication/protocol/scans.js";
import type { MicroscopeStatus, SlideMap } from "../../src/scan/index.js";

const typed = fc.oneof(
  fc.constantFrom(
    "",
    "0",
    "1",
    "-1",
    "2",
    "4",
    "1e6",
    "1000001",
    "90",
    "90.5",
    "0.1",
    "0.05",
    "50",
    "1440",
    "x",
    " 7 ",
  ),
  fc.double({ noNaN: true }).map(String),
  fc.integer({ min: -5, max: 3000 }).map(String),
);
const anyForm: fc.Arbitrary<ScanFields> = fc.record({
  slide: fc.constantFrom("24-1187", "", "   ", "x".repeat(201)),
  plan: fc.constantFrom("serpentine", "battlement", "monolayer", "list"),
  focus: fc.constantFrom("none", "map", "each"),
  places: fc.oneof(
    fc.constantFrom("", "x, y\n1, 2\n3\t4", "1 2", "1,2\nthree", "5; 6; 7", "1,", "2e6, 1"),
    fc.array(fc.tuple(typed, typed).map(([x, y]) => `${x}, ${y}`)).map((lines) => lines.join("\n")),
  ),
  ...{ left: typed, top: typed, width: typed, height: typed, overlapPercent: typed },
  ...{ fieldsDeep: typed, fieldsBetween: typed, coarseFields: typed },
  ...{ leukocytes: typed, fields: typed, areaMm2: typed, minutes: typed, limits: typed },
});

describe("the form of a scan", () => {
  it("finds a fault exactly where the daemon would refuse the request", () => {
    fc.assert(
      fc.property(anyForm, (form) => {
        const faults = faultsOf(form);
        // Places that cannot be read are not sent; all else goes out as it was typed.
        fc.pre(faults.places === undefined);
        const parsed = scanRequestSchema.safeParse(requestOf(form, "MK"));
        expect(Object.keys(faults).length === 0, JSON.stringify([form, faults, parsed.error?.issues])).toBe(
          parsed.success,
        );
      }),
      { numRuns: 300 },
    );
  });

  it("reads places a line each, and names the line that is none", () => {
    const form = { ...emptyForm, slide: "S", plan: "list" as const };
    expect(requestOf({ ...form, places: "x, y\n1, 2\n\n3\t4.5\n-5;6" }, "MK").plan).toEqual({
      kind: "list",
      centresUm: [
        { x: 1, y: 2 },
        { x: 3, y: 4.5 },
        { x: -5, y: 6 },
      ],
    });
    expect(faultsOf({ ...form, places: "1, 2\n3" }).places).toContain("Line 2");
    expect(faultsOf({ ...form, places: "\n" }).places).toBeDefined();
  });
});

const size = { width: 800, height: 500 };
const anyPoint: fc.Arbitrary<Point> = fc.record({
  x: fc.integer({ min: 0, max: size.width }),
  y: fc.integer({ min: 0, max: size.height }),
});
const anyView: fc.Arbitrary<MapView> = fc.record({
  x: fc.double({ min: -1e4, max: 1e4, noNaN: true }),
  y: fc.double({ min: -1e4, max: 1e4, noNaN: true }),
  pxPerUm: fc.double({ min: 0.01, max: 1, noNaN: true }),
});

describe("the map of a slide", () => {
  it("keeps what lies between two fingers there, and grows by as much as they part", () => {
    fc.assert(
      fc.property(anyView, anyPoint, anyPoint, anyPoint, anyPoint, (view, a, b, c, d) => {
        const span = (p: Point, q: Point): number => Math.hypot(p.x - q.x, p.y - q.y);
        fc.pre(span(a, b) > 20 && span(c, d) > 20);
        const after = dragged(view, { from: [a, b], to: [c, d] }, size);
        const middle = (p: Point, q: Point): Point => ({ x: (p.x + q.x) / 2, y: (p.y + q.y) / 2 });
        const place = toSlide(view, size, middle(a, b));
        const there = toCanvas(after, size, place);
        expect(there.x).toBeCloseTo(middle(c, d).x, 3);
        expect(there.y).toBeCloseTo(middle(c, d).y, 3);
        expect(after.pxPerUm / view.pxPerUm).toBeCloseTo(Math.min(span(c, d) / span(a, b), 40 / view.pxPerUm), 6);
      }),
    );
  });

  it("follows one finger", () => {
    fc.assert(
      fc.property(anyView, anyPoint, anyPoint, (view, from, to) => {
        const there = toCanvas(dragged(view, { from: [from], to: [to] }, size), size, toSlide(view, size, from));
        expect([there.x, there.y]).toEqual([expect.closeTo(to.x, 3), expect.closeTo(to.y, 3)]);
      }),
    );
  });

  it("draws each tile where it lies on the slide", () => {
    const map: SlideMap = {
      boundsUm: { left: 0, top: 0, right: 900, bottom: 700 },
      umPerPixel: 0.5,
      levels: 4,
      version: 9,
    };
    const view = { x: 450, y: 350, pxPerUm: 0.7 };
    for (let level = 0; level < map.levels; level++)
      for (const tile of visibleTiles(map, level, view, size)) {
        const { left, top, right } = tileRectUm(map, tile);
        const corner = toCanvas(view, size, { x: left, y: top });
        expect([tile.left, tile.top]).toEqual([expect.closeTo(corner.x), expect.closeTo(corner.y)]);
        expect(tile.side).toBeCloseTo((right - left) * view.pxPerUm);
      }
  });
});

const live = { type: "connection", connection: { phase: "live", how: "new", missed: 0 } } as const;
const lost = { type: "connection", connection: { phase: "waiting", attempt: 1, retryAtMs: 0 } } as const;
const told = (change: Partial<NonNullable<MicroscopeStatus["stage"]>> = {}): View => {
  const { scans, status } = serverExamples;
  if (scans?.type !== "scans" || status === undefined) throw new Error("the examples lack a message");
  const microscope = { ...scans.microscope, stage: { ...scans.microscope.stage!, ...change } };
  return [status, { ...scans, microscope }].reduce(
    (view, message) => reduceView(view, { type: "message", message }),
    reduceView(initialView, live),
  );
};

describe("what the page of scans calls stale", () => {
  it("is all of it without a connection, the position without a stage, the scan without a camera", () => {
    expect(scansStaleReason(told())).toBeUndefined();
    expect(scansStaleReason(reduceView(told(), lost))).toContain("No connection");
    const failure = { code: "STAGE_SILENT", message: "Nothing." } as const;
    const silent = told({ state: "reconnecting", failure });
    expect(stalenessOf(silent)).toEqual({ connection: false, stage: true, camera: false });
    expect(scansStaleReason(silent)).toContain("STAGE_SILENT");
    const { status } = serverExamples;
    if (status?.type !== "status") throw new Error("the examples lack a status");
    const camera = { ...status.camera, state: "reconnecting", cause: "CAMERA_STALE" } as const;
    const dark = reduceView(told(), { type: "message", message: { ...status, camera } });
    expect(scansStaleReason(dark)).toContain("CAMERA_STALE");
  });

  it("is nothing before anything was told", () => {
    expect(scansStaleReason(reduceView(initialView, lost))).toBeUndefined();
  });
});

describe("words", () => {
  it("say classes as the taxonomy does, and what to do about a code", () => {
    const entry = {
      class: "neutrophil",
      parent: "leukocyte",
      label: "Neutrophil",
      abbreviation: "NE",
      colour: "#009e73",
    };
    const taxonomy: View["taxonomy"] = new Map([["neutrophil", entry as never]]);
    expect(countsText(taxonomy, { neutrophil: 2 })).toBe("2 Neutrophils");
    expect(countsText(taxonomy, {})).toBe("no cells");
    expect(adviceOf("STAGE_UNREFERENCED")).toContain("Home");
    expect(adviceOf("INTERNAL")).toBeUndefined();
  });
});
