import sharp from "sharp";
import { CytoError } from "../../../src/core/index.js";
import { type JobDesk, type JobRecord, jobSteps } from "../../../src/training/jobs/index.js";

const over = ["done", "refused", "failed", "cancelled"];

/** A desk of trainings in memory, whose jobs go on by `advance`. */
export class MemoryJobs implements JobDesk {
  readonly #jobs: JobRecord[] = [];
  readonly #listeners = new Set<(job: JobRecord) => void>();
  #atMs = 1_767_304_804_000;
  /** Confirmed fields that there are to learn from. */
  fields = 346;

  async list() {
    return [...this.#jobs].reverse();
  }

  async show(id: string) {
    const job = this.#jobs.find((one) => one.id === id);
    if (job === undefined) throw new CytoError("JOB_NOT_FOUND", "There is no job of that id.");
    return job;
  }

  async sample(id: string, name: string) {
    const { samples } = await this.show(id);
    if (!samples.includes(name)) throw new CytoError("JOB_NOT_FOUND", "The job has no such sample.");
    const index = samples.indexOf(name);
    const circles = Array.from({ length: 7 }, (_unused, i) => {
      const [x, y] = [(37 * (i + 1) * (index + 3)) % 250, (53 * (i + 2) * (index + 1)) % 190];
      return i === 3
        ? `<circle cx="${x}" cy="${y}" r="34" fill="#b9a3cf"/><circle cx="${x}" cy="${y}" r="22" fill="#6a4b98"/>`
        : `<circle cx="${x}" cy="${y}" r="24" fill="#d98e92"/><circle cx="${x}" cy="${y}" r="9" fill="#e8bcbd"/>`;
    });
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="256" height="192"><rect width="256" height="192" fill="#eee5e2"/>${circles.join("")}</svg>`;
    return sharp(Buffer.from(svg)).png().toBuffer();
  }

  async start(by: string) {
    if (this.#jobs.some(({ state }) => !over.includes(state)))
      throw new CytoError("JOB_RUNNING", "A training is already running.");
    if (this.fields === 0) throw new CytoError("JOB_NO_LABELS", "There are no confirmed fields.");
    const job: JobRecord = {
      id: `job-${this.#jobs.length + 1}`,
      state: "running",
      step: "snapshot",
      done: 0,
      startedAtMs: this.#atMs,
      reason: `Asked for by ${by}.`,
      attempt: 1,
      fields: this.fields,
      losses: [],
      samples: [],
    };
    this.#jobs.push(job);
    this.#tell(job);
    return job;
  }

  async pause(id: string, paused: boolean) {
    const { pausedBy: _pausedBy, ...job } = await this.#running(id);
    return this.#replace(paused ? { ...job, state: "paused", pausedBy: "asked" } : { ...job, state: "running" });
  }

  async cancel(id: string) {
    return this.#replace({ ...(await this.#running(id)), state: "cancelled", endedAtMs: this.#atMs });
  }

  async decisions() {
    return [
      {
        atMs: this.#atMs,
        start: false,
        reasons: [
          "12 of 40 fields confirmed since the last training.",
          "It is 14:10; trainings begin from 22:00 to 05:00.",
        ],
      },
      { atMs: this.#atMs - 60_000_000, start: true, reasons: ["46 of 40 fields confirmed since the last training."] },
    ];
  }

  onChange(listener: (job: JobRecord) => void) {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Puts a job to a share of the whole, with the losses and samples that belong to it. */
  async advance(id: string, done: number): Promise<JobRecord> {
    const job = await this.#running(id);
    const step = jobSteps[Math.min(jobSteps.length - 1, Math.floor(done * jobSteps.length))] ?? "gate";
    const steps = Math.round(done * 200);
    const losses = Array.from({ length: steps }, (_unused, index) => [
      { step: index * 5, name: "painter", value: 0.35 + 0.9 * Math.exp(-index / 40) + 0.03 * Math.sin(index) },
      ...(index < 100 ? [] : [{ step: index * 5 - 500, name: "detector", value: 0.2 + Math.exp((100 - index) / 25) }]),
    ]).flat();
    const samples = Array.from(
      { length: Math.min(6, Math.floor(done * 12)) },
      (_unused, index) => `painted-0${index + 1}.png`,
    );
    return this.#replace({ ...job, step, done, losses, samples });
  }

  async finish(id: string, candidate: string): Promise<JobRecord> {
    const job = await this.advance(id, 1);
    return this.#replace({ ...job, state: "done", endedAtMs: job.startedAtMs + 1_786_000, candidate });
  }

  async #running(id: string) {
    const job = await this.show(id);
    if (over.includes(job.state)) throw new CytoError("JOB_ENDED", "The job has ended.");
    return job;
  }

  #replace(job: JobRecord): JobRecord {
    this.#jobs[this.#jobs.findIndex(({ id }) => id === job.id)] = job;
    this.#tell(job);
    return job;
  }

  #tell(job: JobRecord): void {
    for (const listener of this.#listeners) listener(job);
  }
}
