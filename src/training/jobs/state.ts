import { z } from "zod";
import { type JobRecord, type JobState, type JobStep, jobSteps } from "./desk.js";

const holder = z.enum(["live", "asked"]);
export type Holder = z.infer<typeof holder>;

const failure = z.object({ code: z.string(), message: z.string() });

/** What happens to a training: the lines of its journal. */
export const jobEventSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("queued"), id: z.string(), atMs: z.number(), reason: z.string(), fields: z.number() }),
  /** A process has begun to work on it. */
  z.object({ kind: z.literal("began"), pid: z.number(), startTime: z.string().optional() }),
  z.object({ kind: z.literal("at"), step: z.enum(jobSteps), done: z.number() }),
  z.object({ kind: z.literal("held"), by: holder }),
  z.object({ kind: z.literal("released"), by: holder }),
  /** Held, its process does nothing: by itself between two steps, or stopped where it was. */
  z.object({ kind: z.literal("rested"), how: z.enum(["itself", "stopped"]) }),
  /** Its process ended before its time. `crash`: by its own fault. */
  z.object({ kind: z.literal("lost"), crash: z.boolean(), ...failure.shape }),
  /** Its process was asked to keep its place and end. */
  z.object({ kind: z.literal("interrupted") }),
  z.object({ kind: z.literal("candidate"), name: z.string() }),
  z.object({
    kind: z.literal("ended"),
    atMs: z.number(),
    state: z.enum(["done", "refused", "failed", "cancelled"]),
    failure: failure.optional(),
  }),
]);
export type JobEvent = z.infer<typeof jobEventSchema>;

/** A training as its events have made it. */
export interface JobCourse {
  readonly id: string;
  readonly reason: string;
  readonly fields: number;
  readonly startedAtMs: number;
  readonly endedAtMs?: number;
  readonly step: JobStep;
  readonly done: number;
  readonly attempt: number;
  /** Whether its last process was lost, and the next is another attempt. */
  readonly again: boolean;
  /** Processes that it has lost by their own fault. */
  readonly crashes: number;
  /** Whether a process works on it. */
  readonly working: boolean;
  /** The last process that did. */
  readonly process?: { readonly pid: number; readonly startTime?: string };
  readonly holders: readonly Holder[];
  readonly candidate?: string;
  readonly ending?: {
    readonly state: "done" | "refused" | "failed" | "cancelled";
    readonly failure?: JobRecord["failure"];
  };
  /** Of the process that was lost last. */
  readonly lastLoss?: { readonly code: string; readonly message: string };
}

/** Where each step ends, of the whole. */
const ends: Readonly<Record<JobStep, number>> = {
  snapshot: 0.01,
  split: 0.02,
  painter: 0.17,
  paint: 0.22,
  detector: 0.88,
  calibrate: 0.92,
  candidate: 0.93,
  gate: 1,
};

/** Part of the whole that is done. @param done part of the step */
export const wholeDone = (step: JobStep, done: number): number => {
  const before = jobSteps[jobSteps.indexOf(step) - 1];
  const from = before === undefined ? 0 : ends[before];
  return from + (ends[step] - from) * Math.min(Math.max(done, 0), 1);
};

const omitProcess = (course: JobCourse): JobCourse => ({ ...course, working: false });

/** What an event makes of a training. What cannot happen in its state changes nothing; what has ended stays as it is. */
export const reduceJob = (course: JobCourse | undefined, event: JobEvent): JobCourse | undefined => {
  if (event.kind === "queued") {
    if (course) return course;
    const { id, reason, fields, atMs } = event;
    const begin = {
      step: "snapshot",
      done: 0,
      attempt: 1,
      again: false,
      crashes: 0,
      working: false,
      holders: [],
    } as const;
    return { id, reason, fields, startedAtMs: atMs, ...begin };
  }
  if (!course || course.ending) return course;
  switch (event.kind) {
    case "began": {
      const { pid, startTime } = event;
      return {
        ...course,
        working: true,
        attempt: course.attempt + (course.again ? 1 : 0),
        again: false,
        process: { pid, ...(startTime === undefined ? {} : { startTime }) },
      };
    }
    case "at":
      // A process that begins again goes through steps that are behind: the whole does not go back.
      return { ...course, step: event.step, done: Math.max(course.done, wholeDone(event.step, event.done)) };
    case "held":
      return course.holders.includes(event.by) ? course : { ...course, holders: [...course.holders, event.by] };
    case "released":
      return { ...course, holders: course.holders.filter((by) => by !== event.by) };
    case "lost": {
      const crashes = course.crashes + (event.crash ? 1 : 0);
      const lastLoss = { code: event.code, message: event.message };
      return { ...omitProcess(course), crashes, again: true, lastLoss };
    }
    case "rested":
      return course;
    case "interrupted":
      return omitProcess(course);
    case "candidate":
      return { ...course, candidate: event.name };
    case "ended": {
      const { atMs, state, failure: why } = event;
      const done = state === "done" || state === "refused" ? 1 : course.done;
      return {
        ...omitProcess(course),
        holders: [],
        done,
        endedAtMs: atMs,
        ending: { state, ...(why ? { failure: why } : {}) },
      };
    }
  }
};

export const stateOf = ({ ending, holders, working }: JobCourse): JobState => {
  if (ending) return ending.state;
  if (holders.length > 0) return "paused";
  return working ? "running" : "queued";
};

/** The record that people see, less what lies in files. */
export const recordOf = (course: JobCourse): Omit<JobRecord, "losses" | "samples"> => {
  const { id, step, done, startedAtMs, endedAtMs, reason, attempt, fields, candidate, ending, holders } = course;
  const pausedBy = holders.includes("asked") ? "asked" : holders[0];
  return {
    id,
    state: stateOf(course),
    step,
    done,
    startedAtMs,
    ...(endedAtMs === undefined ? {} : { endedAtMs }),
    reason,
    ...(ending?.failure ? { failure: ending.failure } : {}),
    ...(pausedBy ? { pausedBy } : {}),
    attempt,
    fields,
    ...(candidate === undefined ? {} : { candidate }),
  };
};
