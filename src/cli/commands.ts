import type { CommandEntry } from "./program.js";

/** The commands, in the order of the help. Each file is loaded only when its command is named, or for the help. */
export const commands: readonly CommandEntry[] = [
  { name: "run", load: () => import("./run.js") },
  { name: "detect", load: () => import("./detect.js") },
  { name: "evaluate", load: () => import("./evaluate.js") },
  { name: "train", load: () => import("./train.js") },
  { name: "generate", load: () => import("./generate.js") },
  { name: "reproduce", load: () => import("./reproduce.js") },
  { name: "jobs", load: () => import("./jobs.js") },
  { name: "labels", load: () => import("./labels.js") },
  { name: "models", load: () => import("./models.js") },
  { name: "devices", load: () => import("./devices.js") },
  { name: "scan", load: () => import("./scan.js") },
  { name: "stage", load: () => import("./stage.js") },
  { name: "calibrate", load: () => import("./calibrate.js") },
  { name: "focus", load: () => import("./focus.js") },
  { name: "backup", load: () => import("./backup.js") },
  { name: "restore", load: () => import("./restore.js") },
  { name: "doctor", load: () => import("./doctor.js") },
];
