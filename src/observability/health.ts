import type { Clock } from "../core/index.js";

/**
 * What a station says of itself. `degraded` still serves (a stale camera that is being reopened: the counts are there and
 * marked stale); `starting`, `failed` and `stopped` do not.
 */
export type StationState = "starting" | "ready" | "degraded" | "failed" | "stopped";

export interface StationHealth {
  readonly state: StationState;
  /** Why it is not simply ready; an error code where there is one. */
  readonly reason?: string;
  /** Milliseconds since the epoch at which it entered this state. */
  readonly sinceMs: number;
}

export interface HealthReport {
  /** False only once the daemon cannot go on: a supervisor should start it anew. */
  readonly live: boolean;
  /** True when every station serves. Ready is not alive: a daemon without a camera lives and is not ready. */
  readonly ready: boolean;
  /** One sentence for each station that is not simply ready, and the fatal error's. */
  readonly reasons: readonly string[];
  readonly stations: Readonly<Record<string, StationHealth>>;
}

/** Where stations report and /healthz and /readyz read. */
export interface HealthRegistry {
  /** A station reports its state; the first report adds it. The same state and reason again keeps `sinceMs`. */
  report(station: string, state: StationState, reason?: string): void;
  /** The daemon cannot go on; never taken back. */
  fatal(reason: string): void;
  snapshot(): HealthReport;
}

const serves = (state: StationState): boolean => state === "ready" || state === "degraded";

const sentence = (station: string, { state, reason }: StationHealth): string =>
  reason === undefined ? `${station} is ${state}` : `${station} is ${state}: ${reason}`;

/** @param expected stations without whose report the daemon is not ready; they begin as `starting` */
export const createHealthRegistry = (clock: Clock, expected: readonly string[] = []): HealthRegistry => {
  const stations = new Map<string, StationHealth>();
  let fatalReason: string | undefined;

  const report = (station: string, state: StationState, reason?: string): void => {
    const before = stations.get(station);
    if (before !== undefined && before.state === state && before.reason === reason) return;
    stations.set(station, { state, ...(reason === undefined ? {} : { reason }), sinceMs: clock.now() });
  };
  for (const station of expected) report(station, "starting");

  return {
    report,
    fatal(reason) {
      fatalReason ??= reason;
    },
    snapshot() {
      const entries = [...stations];
      const reasons = entries
        .filter(([, health]) => health.state !== "ready")
        .map(([station, health]) => sentence(station, health));
      return {
        live: fatalReason === undefined,
        ready: fatalReason === undefined && entries.every(([, health]) => serves(health.state)),
        reasons: fatalReason === undefined ? reasons : [fatalReason, ...reasons],
        stations: Object.fromEntries(entries),
      };
    },
  };
};
