import type { StageAxis } from "../../../../drivers/contract.js";

export type AxisValues = Record<StageAxis, number>;

interface Way {
  readonly from: number;
  readonly to: number;
  readonly beganMs: number;
  readonly durationMs: number;
}

export interface MotorOptions {
  /** Where the table stands when the power comes, steps from the lower switch. */
  readonly at?: Partial<AxisValues>;
  /** Between the switches, steps. */
  readonly travel?: AxisValues;
  /** Steps per second of the emulator's own time. */
  readonly speed?: number;
  /** The emulator's own time against the clock's. */
  readonly timeFactor?: number;
}

/**
 * Three motors with switches at both ends. Knows where the table truly is, which the firmware does not: that has a counter each, which
 * begins at 0.
 */
export class Motors {
  readonly travel: AxisValues;
  speed: number;
  readonly counters: AxisValues = { x: 0, y: 0, z: 0 };
  /** Each move that the firmware began, in the order of beginning. */
  readonly moves: { readonly axis: StageAxis; readonly to: number }[] = [];
  /** When they were last told to halt, by `performance.now()`. */
  haltedAtMs = Number.NEGATIVE_INFINITY;
  readonly #timeFactor: number;
  readonly #ways: Record<StageAxis, Way>;
  /** What was still to go when they were braked. */
  #rest: Partial<AxisValues> = {};
  readonly #listeners = new Set<() => void>();
  /** True place where a counter is 0. */
  readonly #origins: AxisValues;

  constructor({ at, travel, speed, timeFactor }: MotorOptions = {}) {
    this.travel = travel ?? { x: 1e6, y: 1e6, z: 1e5 };
    this.speed = speed ?? 1e5;
    this.#timeFactor = timeFactor ?? 20;
    const place = (axis: StageAxis) => at?.[axis] ?? this.travel[axis] / 2;
    this.#origins = { x: place("x"), y: place("y"), z: place("z") };
    const still = (axis: StageAxis): Way => ({ from: place(axis), to: place(axis), beganMs: 0, durationMs: 0 });
    this.#ways = { x: still("x"), y: still("y"), z: still("z") };
  }

  /** True place, steps from the lower switch. */
  place(axis: StageAxis): number {
    const { from, to, beganMs, durationMs } = this.#ways[axis];
    const part = durationMs <= 0 ? 1 : Math.min((performance.now() - beganMs) / durationMs, 1);
    return Math.round(from + part * (to - from));
  }

  counter(axis: StageAxis): number {
    return this.place(axis) - this.#origins[axis];
  }

  declare(axis: StageAxis, counter: number): void {
    this.#origins[axis] = this.place(axis) - counter;
  }

  moving(axis: StageAxis): boolean {
    const { beganMs, durationMs } = this.#ways[axis];
    return durationMs > 0 && performance.now() - beganMs < durationMs;
  }

  get anyMoves(): boolean {
    return (["x", "y", "z"] as const).some((axis) => this.moving(axis));
  }

  /** Where the counter will be at the end of the way. */
  aim(axis: StageAxis): number {
    return this.#ways[axis].to - this.#origins[axis];
  }

  /** Told whenever the table may be elsewhere: every few milliseconds while it moves. Ends with what it gives. */
  onMotion(listener: () => void): () => void {
    this.#listeners.add(listener);
    this.#follow();
    return () => this.#listeners.delete(listener);
  }

  /** Sets out for a place of the counter; the switches stop it. */
  moveTo(axis: StageAxis, counter: number): void {
    this.#rest = {};
    const to = this.#go(axis, counter + this.#origins[axis]);
    this.moves.push({ axis, to });
    this.#follow();
  }

  #go(axis: StageAxis, wanted: number): number {
    const from = this.place(axis);
    const to = Math.min(Math.max(wanted, 0), this.travel[axis]);
    const durationMs = (Math.abs(to - from) / (this.speed * this.#timeFactor)) * 1000;
    this.#ways[axis] = { from, to, beganMs: performance.now(), durationMs };
    return to;
  }

  #follow(): void {
    if (this.#listeners.size === 0) return;
    for (const listener of this.#listeners) listener();
    if (this.anyMoves) setTimeout(() => this.#follow(), 5).unref();
  }

  /** Sets out for a switch. */
  runToSwitch(axis: StageAxis, which: "lower" | "upper"): void {
    this.moveTo(axis, (which === "lower" ? -1 : 1) * 10 * this.travel[axis] + this.counter(axis));
  }

  atSwitch(axis: StageAxis): boolean {
    const place = this.place(axis);
    return place <= 0 || place >= this.travel[axis];
  }

  /** Comes to a stand in this time, and keeps what was still to go. */
  brake(ms: number): void {
    this.haltedAtMs = performance.now();
    this.#rest = {};
    for (const axis of ["x", "y", "z"] as const) {
      if (!this.moving(axis)) continue;
      const { to } = this.#ways[axis];
      const from = this.place(axis);
      const braking = (this.speed * this.#timeFactor * ms) / 2000;
      const stand = Math.round(from + Math.sign(to - from) * Math.min(Math.abs(to - from), braking));
      if (stand !== to) this.#rest[axis] = to;
      this.#ways[axis] = { from, to: stand, beganMs: performance.now(), durationMs: ms };
    }
  }

  /** Goes on with what was still to go. */
  resume(): void {
    for (const axis of ["x", "y", "z"] as const) {
      const to = this.#rest[axis];
      if (to !== undefined) this.#go(axis, to);
    }
    this.#rest = {};
    this.#follow();
  }

  halt(): void {
    this.haltedAtMs = performance.now();
    this.#rest = {};
    for (const axis of ["x", "y", "z"] as const) {
      const here = this.place(axis);
      this.#ways[axis] = { from: here, to: here, beganMs: 0, durationMs: 0 };
    }
  }
}
