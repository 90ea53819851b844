import type { JobRecord, JobState, JobStep } from "../../../training/jobs/index.js";

export const stateLabels: Readonly<Record<JobState, string>> = {
  queued: "Queued",
  running: "Running",
  paused: "Paused",
  done: "Promoted",
  refused: "Refused by the gate",
  failed: "Failed",
  cancelled: "Cancelled",
};

export const steps: readonly (readonly [JobStep, string])[] = [
  ["snapshot", "Freeze the fields"],
  ["split", "Split by slide"],
  ["painter", "Train the painter"],
  ["paint", "Paint"],
  ["detector", "Train the detector"],
  ["calibrate", "Set thresholds"],
  ["candidate", "Write the candidate"],
  ["gate", "Compare"],
];

export const ended = ({ state }: Pick<JobRecord, "state">): boolean =>
  state === "done" || state === "refused" || state === "failed" || state === "cancelled";

export const pauseText = ({ pausedBy }: Pick<JobRecord, "pausedBy">): string =>
  pausedBy === "live" ? "waits while a slide is being counted" : "somebody paused it";
