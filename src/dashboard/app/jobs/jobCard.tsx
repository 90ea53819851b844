import { useState } from "preact/hooks";
import type { JobRecord } from "../../../training/jobs/index.js";
import { errorText, post, useLoaded } from "../api.js";
import { ConfirmDialog } from "../confirm.js";
import { formatCount, formatDuration, formatTime } from "../format.js";
import { LossCurves } from "./lossCurves.js";
import { ended, pauseText, stateLabels, steps } from "./words.js";

const jobPath = (id: string): string => `v1/jobs/${encodeURIComponent(id)}`;

const Steps = ({ job }: { job: JobRecord }) => {
  const at = steps.findIndex(([step]) => step === job.step);
  const over = job.state === "done" || job.state === "refused";
  return (
    <ol class="steps">
      {steps.map(([step, label], index) => {
        const state = over || index < at ? "past" : index > at ? "ahead" : ended(job) ? "stopped" : "now";
        return (
          <li key={step} class={`step step-${state}`} aria-current={state === "now" ? "step" : undefined}>
            {label}
          </li>
        );
      })}
    </ol>
  );
};

const Actions = ({ job, onChanged }: { job: JobRecord; onChanged: () => void }) => {
  const [asking, setAsking] = useState(false);
  const [error, setError] = useState<string>();
  const steer = (action: "pause" | "resume"): void => {
    post(`${jobPath(job.id)}/${action}`).then(
      () => {
        setError(undefined);
        onChanged();
      },
      (reason: unknown) => setError(errorText(reason)),
    );
  };
  if (ended(job)) return null;
  return (
    <div class="buttons head-note">
      {error !== undefined && <span class="failure">{error}</span>}
      {job.pausedBy === "asked" ? (
        <button type="button" class="tool" onClick={() => steer("resume")}>
          Resume
        </button>
      ) : (
        <button type="button" class="tool" onClick={() => steer("pause")}>
          Pause
        </button>
      )}
      <button type="button" class="tool" onClick={() => setAsking(true)}>
        Cancel
      </button>
      {asking && (
        <ConfirmDialog
          title="Cancel this training?"
          action="Cancel the training"
          onConfirm={() => post(`${jobPath(job.id)}/cancel`).then(onChanged)}
          onClose={() => setAsking(false)}
        >
          <p>What it has learnt is lost. The model in production stays.</p>
        </ConfirmDialog>
      )}
    </div>
  );
};

const Facts = ({ job }: { job: JobRecord }) => {
  const facts: readonly (readonly [string, string | undefined])[] = [
    ["Begun", formatTime(job.startedAtMs)],
    ["Took", job.endedAtMs === undefined ? undefined : formatDuration(job.endedAtMs - job.startedAtMs)],
    ["Fields", formatCount(job.fields)],
    ["Attempt", job.attempt > 1 ? String(job.attempt) : undefined],
    ["Candidate", job.candidate],
  ];
  return (
    <dl class="facts">
      {facts.map(([name, text]) =>
        text === undefined ? null : (
          <div key={name} class="fact">
            <dt>{name}</dt>
            <dd>{text}</dd>
          </div>
        ),
      )}
    </dl>
  );
};

/** One training: where it is, how the losses fell, what was painted. */
export const JobCard = ({ id, version }: { id: string; version: number }) => {
  const { value: job, error, reload } = useLoaded<JobRecord>(jobPath(id), version);
  if (job === undefined)
    return <p class={error === undefined ? "card muted" : "card failure"}>{error ?? "Loading…"}</p>;
  const percent = Math.round(job.done * 100);
  return (
    <section class="card job" aria-labelledby="job-title" data-job={id} data-state={job.state}>
      <div class="card-head">
        <h2 id="job-title">{id}</h2>
        <span class={`state job-${job.state}`}>{stateLabels[job.state]}</span>
        {job.state === "paused" && <span class="muted">{pauseText(job)}</span>}
        <Actions job={job} onChanged={reload} />
      </div>
      <p>{job.reason}</p>
      {job.failure !== undefined && (
        <p class="failure">
          {job.failure.message} ({job.failure.code})
        </p>
      )}
      <div class="progress">
        <progress max={100} value={percent} aria-label="Done" />
        <span class="number">{percent} %</span>
      </div>
      <Steps job={job} />
      <Facts job={job} />
      <h3>Losses</h3>
      <LossCurves losses={job.losses} />
      <h3>Painted samples</h3>
      {job.samples.length === 0 ? (
        <p class="muted">None yet.</p>
      ) : (
        <ul class="samples">
          {job.samples.map((name) => (
            <li key={name}>
              <img
                src={`${jobPath(id)}/samples/${encodeURIComponent(name)}`}
                alt={`Painted field ${name}`}
                loading="lazy"
              />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
};
