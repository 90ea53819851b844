import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CytoError, createManualClock } from "../../src/core/index.js";
import {
  createLogger,
  type LogDestination,
  type LoggerOptions,
  logEvents,
  redactFields,
  redactText,
} from "../../src/observability/index.js";

const memory = (): LogDestination & { lines: string[] } => {
  const lines: string[] = [];
  return { lines, write: (line) => void lines.push(line) };
};

const setUp = (options: Partial<LoggerOptions> = {}) => {
  const destination = memory();
  const clock = createManualClock(Date.UTC(2024, 0, 2, 3, 4, 5, 678));
  const logger = createLogger({ level: "info", pretty: false, destination, clock, limitIntervalMs: 1000, ...options });
  const objects = (): Record<string, unknown>[] =>
    destination.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  return { logger, destination, clock, objects };
};

describe("the log", () => {
  it("writes one JSON object a line: level of the table, time, event, fields", () => {
    const { logger, objects } = setUp();
    logger.event("camera.opening", { camera: "virtual", source: "seed 1" });
    expect(objects()).toEqual([
      { level: "info", time: "2024-01-02T03:04:05.678Z", event: "camera.opening", camera: "virtual", source: "seed 1" },
    ]);
  });

  it("keeps silent below its level", () => {
    const { logger, objects } = setUp({ level: "warn" });
    logger.event("camera.opening");
    logger.event("camera.stale");
    expect(objects().map(({ event }) => event)).toEqual(["camera.stale"]);
  });

  it("writes errors as code and message, with a stack for the fatal only", () => {
    const { logger, objects } = setUp();
    const error = new CytoError("CAMERA_OPEN_FAILED", "rtsp://user:pw@host/ is not there", { context: { token: "t" } });
    logger.event("camera.failed", { error });
    logger.event("daemon.fatal", { error: new TypeError("odd") });
    const [failed, fatal] = objects();
    expect(failed?.error).toEqual({
      code: "CAMERA_OPEN_FAILED",
      message: "rtsp://[redacted]@host/ is not there",
      context: { token: "[redacted]" },
    });
    expect(fatal?.error).toMatchObject({
      code: "INTERNAL",
      message: "odd",
      stack: expect.stringContaining("TypeError: odd"),
    });
  });

  it("limits hot paths per event and says how many lines it held back", () => {
    const { logger, clock, objects } = setUp();
    for (let i = 0; i < 5; i++) logger.limited("camera.stale", { i });
    logger.with({ camera: "x" }).limited("camera.stale");
    logger.limited("frame.rejected");
    clock.advance(1000);
    logger.limited("camera.stale", { i: 6 });
    logger.limited("camera.stale", { i: 7 });
    expect(objects().map(({ event, i, heldBack }) => [event, i, heldBack])).toEqual([
      ["camera.stale", 0, undefined],
      ["frame.rejected", undefined, undefined],
      ["camera.stale", 6, 5],
    ]);
  });

  it("has lines for people", () => {
    const { logger, destination } = setUp({ pretty: true });
    logger.with({ camera: "virtual" }).event("camera.stale", { ageMs: 2100, why: "no light", at: { x: 1 } });
    expect(destination.lines).toEqual([
      '03:04:05.678 WARN  camera.stale camera=virtual ageMs=2100 why="no light" at.x=1\n',
    ]);
  });

  it("names events by station and what happened", () => {
    for (const event of Object.keys(logEvents)) expect(event).toMatch(/^[a-z]+\.[a-zA-Z]+$/);
  });
});

describe("redaction", () => {
  const secret = fc.stringMatching(/^S3cr[a-z0-9]{6}$/);

  it("hides what stands under a secret's or a patient's name, at any depth", () => {
    const key = fc.constantFrom(
      "token",
      "accessToken",
      "password",
      "Authorization",
      "cookie",
      "clientSecret",
      "patientId",
      "patientName",
      "MRN",
    );
    fc.assert(
      fc.property(key, secret, fc.nat({ max: 10 }), (name, value, depth) => {
        let fields: Record<string, unknown> = { [name]: value, list: [{ [name]: value }] };
        for (let i = 0; i < depth; i++) fields = { inner: fields };
        expect(JSON.stringify(redactFields(fields))).not.toContain(value);
      }),
    );
  });

  it("hides credentials in addresses and keeps the rest", () => {
    fc.assert(
      fc.property(fc.constantFrom("rtsp", "http", "https"), fc.webPath(), secret, (scheme, path, value) => {
        const text = redactText(`cannot open ${scheme}://user:${value}@host:554/${path}?x=1&token=${value}`);
        expect(text).not.toContain(value);
        expect(text).toContain(`${scheme}://[redacted]@host:554`);
      }),
    );
    expect(redactText("http://host/a@b")).toBe("http://host/a@b");
  });

  it("never writes raw bytes", () => {
    expect(redactFields({ pixels: new Uint8Array(9), at: new Date(0), url: new URL("http://u:p@h/") })).toEqual({
      pixels: "[9 bytes]",
      at: "1970-01-01T00:00:00.000Z",
      url: "http://[redacted]@h/",
    });
  });
});
