import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createManualClock } from "../../src/core/index.js";
import { createHealthRegistry, createMetrics, metricsTable, type StationState } from "../../src/observability/index.js";

describe("health", () => {
  it("is alive before it is ready, and ready when every expected station serves", () => {
    const clock = createManualClock(100);
    const health = createHealthRegistry(clock, ["camera", "detection"]);
    expect(health.snapshot()).toMatchObject({
      live: true,
      ready: false,
      reasons: ["camera is starting", "detection is starting"],
    });
    health.report("camera", "ready");
    expect(health.snapshot().ready).toBe(false);
    clock.advance(50);
    health.report("detection", "ready");
    expect(health.snapshot()).toEqual({
      live: true,
      ready: true,
      reasons: [],
      stations: { camera: { state: "ready", sinceMs: 100 }, detection: { state: "ready", sinceMs: 150 } },
    });
  });

  it("serves while degraded, with the reason, and remembers since when", () => {
    const clock = createManualClock();
    const health = createHealthRegistry(clock);
    health.report("camera", "degraded", "CAMERA_STALE");
    clock.advance(10);
    health.report("camera", "degraded", "CAMERA_STALE");
    expect(health.snapshot()).toMatchObject({
      ready: true,
      reasons: ["camera is degraded: CAMERA_STALE"],
      stations: { camera: { sinceMs: 0 } },
    });
    health.report("camera", "failed", "CAMERA_NOT_FOUND");
    expect(health.snapshot()).toMatchObject({ live: true, ready: false, stations: { camera: { sinceMs: 10 } } });
  });

  it("never comes back from a fatal error", () => {
    const health = createHealthRegistry(createManualClock());
    health.fatal("INTERNAL");
    health.fatal("later");
    health.report("camera", "ready");
    expect(health.snapshot()).toMatchObject({ live: false, ready: false, reasons: ["INTERNAL"] });
  });

  it("is ready exactly when the last report of each station serves", () => {
    const state = fc.constantFrom<StationState>("starting", "ready", "degraded", "failed", "stopped");
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom("a", "b", "c"), state)), (reports) => {
        const health = createHealthRegistry(createManualClock());
        for (const [station, reported] of reports) health.report(station, reported);
        const last = new Map(reports);
        const serving = [...last.values()].every((reported) => reported === "ready" || reported === "degraded");
        expect(health.snapshot().ready).toBe(serving);
        expect(health.snapshot().reasons.length).toBe(
          [...last.values()].filter((reported) => reported !== "ready").length,
        );
      }),
    );
  });
});

describe("metrics", () => {
  it("exposes every metric of the table, and counts", async () => {
    using metrics = createMetrics();
    metrics.framesProduced.inc(3);
    metrics.framesDropped.inc({ cause: "superseded" });
    metrics.detectionSeconds.observe({ stage: "inference" }, 0.03);
    const text = await metrics.exposition();
    for (const [name] of Object.values(metricsTable)) expect(text).toContain(`# TYPE ${name} `);
    expect(text).toContain("cytostream_frames_produced_total 3");
    expect(text).toContain('cytostream_frames_dropped_total{cause="superseded"} 1');
    expect(text).toContain('cytostream_detection_seconds_bucket{le="0.03",stage="inference"} 1');
    expect(text).toContain("cytostream_process_resident_memory_bytes");
    expect(metrics.contentType).toContain("text/plain");
  });

  it("keeps registries apart", async () => {
    using one = createMetrics();
    using other = createMetrics();
    one.framesProduced.inc();
    expect(await other.exposition()).toContain("cytostream_frames_produced_total 0");
  });
});
