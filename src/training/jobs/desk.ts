/** The steps of a job, in order. */
export const jobSteps = [
  "snapshot",
  "split",
  "painter",
  "paint",
  "detector",
  "calibrate",
  "candidate",
  "gate",
] as const;
export type JobStep = (typeof jobSteps)[number];

export const jobStates = ["queued", "running", "paused", "done", "refused", "failed", "cancelled"] as const;
/** `done`: the candidate was promoted; `refused`: the gate kept the model in production. */
export type JobState = (typeof jobStates)[number];

export interface JobRecord {
  readonly id: string;
  readonly state: JobState;
  /** Where it is, or was when it ended. */
  readonly step: JobStep;
  /** 0 to 1 of the whole. */
  readonly done: number;
  readonly startedAtMs: number;
  readonly endedAtMs?: number;
  /** Why it was begun: the rule's sentence, or who asked. */
  readonly reason: string;
  /** Code of docs/errors.md and a sentence, where it failed. */
  readonly failure?: { readonly code: string; readonly message: string };
  /** Why it is paused: `live` (a scan is running), `asked`. */
  readonly pausedBy?: "live" | "asked";
  /** From 1; one more each time a crashed one is begun again from its checkpoint. */
  readonly attempt: number;
  readonly fields: number;
  /** `name@version`. */
  readonly candidate?: string;
  readonly losses: readonly { readonly step: number; readonly name: string; readonly value: number }[];
  /** Names of pictures of painted samples, for `sample`. */
  readonly samples: readonly string[];
}

/** Why a training was begun, or was not. */
export interface TriggerDecision {
  readonly atMs: number;
  readonly start: boolean;
  /** A sentence each: what holds and what does not. */
  readonly reasons: readonly string[];
}

/** The overnight trainings. */
export interface JobDesk {
  /** Newest first. */
  list(): Promise<readonly JobRecord[]>;
  /** @throws CytoError JOB_NOT_FOUND */
  show(id: string): Promise<JobRecord>;
  /** Bytes of a PNG. @throws CytoError JOB_NOT_FOUND */
  sample(id: string, name: string): Promise<Uint8Array>;
  /** By hand, whatever the rule says. @throws CytoError JOB_RUNNING, JOB_NO_LABELS */
  start(by: string): Promise<JobRecord>;
  /** Pauses, or goes on. @throws CytoError JOB_NOT_FOUND, JOB_ENDED */
  pause(id: string, paused: boolean): Promise<JobRecord>;
  /** @throws CytoError JOB_NOT_FOUND, JOB_ENDED */
  cancel(id: string): Promise<JobRecord>;
  /** The newest decisions of the rule, newest first; equal ones in a row are one. */
  decisions(): Promise<readonly TriggerDecision[]>;
  onChange(listener: (job: JobRecord) => void): () => void;
}
