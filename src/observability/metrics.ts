import { monitorEventLoopDelay } from "node:perf_hooks";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** Every metric of the daemon, named in this one place. Units in names, as Prometheus has it: seconds, bytes. */
export const metricsTable = {
  framesProduced: ["cytostream_frames_produced_total", "Frames that the camera delivered, whole or not"],
  framesProcessed: ["cytostream_frames_processed_total", "Frames whose cells were counted"],
  framesDropped: ["cytostream_frames_dropped_total", "Frames that were not counted, by cause"],
  cameraReconnects: ["cytostream_camera_reconnects_total", "Attempts to reopen the camera, by error code"],
  cameraStale: ["cytostream_camera_stale", "1 while the camera has delivered nothing for too long"],
  detectionSeconds: ["cytostream_detection_seconds", "Time of one field in the detector, by stage"],
  frameAgeSeconds: ["cytostream_frame_age_seconds", "From the capture of a frame to the publication of its counts"],
  cellsCounted: [
    "cytostream_cells_counted",
    "Cells in the count, each once, by class; a cell seen better later may change its class",
  ],
  queueDepth: ["cytostream_queue_depth", "Items waiting, by queue"],
  eventLoopLag: ["cytostream_event_loop_lag_seconds", "Lag of the main thread's event loop since the last scrape"],
  wsClients: ["cytostream_ws_clients", "WebSocket clients that are connected"],
  wsMessagesReceived: ["cytostream_ws_messages_received_total", "Messages from clients, by outcome"],
  wsMessagesSent: ["cytostream_ws_messages_sent_total", "Messages to clients, by topic"],
  wsMessagesReplaced: [
    "cytostream_ws_messages_replaced_total",
    "Messages replaced by newer ones before a slow client took them",
  ],
  wsClosed: ["cytostream_ws_closed_total", "WebSocket connections that ended, by close code"],
  httpRequests: ["cytostream_http_requests_total", "HTTP requests, by status"],
} as const satisfies Record<string, readonly [name: string, help: string]>;

export type MetricKey = keyof typeof metricsTable;

/** What /metrics reads. */
export interface MetricsRegistry {
  /** Media type of the exposition. */
  readonly contentType: string;
  /** All metrics in Prometheus text format. */
  exposition(): Promise<string>;
}

export interface Metrics extends MetricsRegistry {
  readonly framesProduced: Counter;
  readonly framesProcessed: Counter;
  readonly framesDropped: Counter<"cause">;
  readonly cameraReconnects: Counter<"code">;
  readonly cameraStale: Gauge;
  readonly detectionSeconds: Histogram<"stage">;
  readonly frameAgeSeconds: Histogram;
  readonly cellsCounted: Gauge<"class">;
  readonly queueDepth: Gauge<"queue">;
  readonly wsClients: Gauge;
  readonly wsMessagesReceived: Counter<"outcome">;
  readonly wsMessagesSent: Counter<"topic">;
  readonly wsMessagesReplaced: Counter<"topic">;
  readonly wsClosed: Counter<"code">;
  readonly httpRequests: Counter<"status">;
  /** Stops the measuring of the event loop. */
  [Symbol.dispose](): void;
}

const detectionBuckets = [0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5];
const ageBuckets = [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 3, 5, 10];

const about = (key: MetricKey): { name: string; help: string } => {
  const [name, help] = metricsTable[key];
  return { name, help };
};

const nanosecondsPerSecond = 1e9;

/** Time between two looks at the event loop, ms. */
const eventLoopResolutionMs = 10;

/**
 * A gauge of the event loop's lag, its quantiles taken over the time since it was last read. Node's histogram holds the times from one
 * look to the next, which are one resolution where nothing lags.
 */
const measureEventLoop = (registers: Registry[]): (() => void) => {
  const histogram = monitorEventLoopDelay({ resolution: eventLoopResolutionMs });
  const resolution = eventLoopResolutionMs / 1000;
  histogram.enable();
  new Gauge({
    ...about("eventLoopLag"),
    labelNames: ["quantile"],
    registers,
    collect() {
      for (const quantile of [50, 90, 99, 100]) {
        const lag = histogram.count === 0 ? 0 : histogram.percentile(quantile) / nanosecondsPerSecond - resolution;
        this.set({ quantile: String(quantile / 100) }, Math.max(0, lag));
      }
      histogram.reset();
    },
  });
  return () => histogram.disable();
};

/** A registry of its own with every metric of the table and those of the process. The caller disposes of it. */
export const createMetrics = (): Metrics => {
  const registry = new Registry();
  const registers = [registry];
  const counter = <L extends string = never>(key: MetricKey, ...labelNames: L[]): Counter<L> =>
    new Counter({ ...about(key), labelNames, registers });
  const gauge = <L extends string = never>(key: MetricKey, ...labelNames: L[]): Gauge<L> =>
    new Gauge({ ...about(key), labelNames, registers });
  const stopEventLoop = measureEventLoop(registers);
  collectDefaultMetrics({ register: registry, prefix: "cytostream_" });
  return {
    contentType: registry.contentType,
    exposition: () => registry.metrics(),
    framesProduced: counter("framesProduced"),
    framesProcessed: counter("framesProcessed"),
    framesDropped: counter("framesDropped", "cause"),
    cameraReconnects: counter("cameraReconnects", "code"),
    cameraStale: gauge("cameraStale"),
    detectionSeconds: new Histogram({
      ...about("detectionSeconds"),
      labelNames: ["stage"],
      buckets: detectionBuckets,
      registers,
    }),
    frameAgeSeconds: new Histogram({ ...about("frameAgeSeconds"), buckets: ageBuckets, registers }),
    cellsCounted: gauge("cellsCounted", "class"),
    queueDepth: gauge("queueDepth", "queue"),
    wsClients: gauge("wsClients"),
    wsMessagesReceived: counter("wsMessagesReceived", "outcome"),
    wsMessagesSent: counter("wsMessagesSent", "topic"),
    wsMessagesReplaced: counter("wsMessagesReplaced", "topic"),
    wsClosed: counter("wsClosed", "code"),
    httpRequests: counter("httpRequests", "status"),
    [Symbol.dispose]: stopEventLoop,
  };
};
