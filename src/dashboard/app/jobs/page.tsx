import { useState } from "preact/hooks";
import type { JobRecord, TriggerDecision } from "../../../training/jobs/index.js";
import { errorText, post, useLoaded, useThrottled } from "../api.js";
import { AuthorField, type AuthorFieldProps, askAuthor } from "../author.js";
import { formatTime } from "../format.js";
import { go, hrefOf } from "../route.js";
import type { View } from "../view.js";
import { JobCard } from "./jobCard.js";
import { ended, stateLabels } from "./words.js";

export interface JobsPageProps extends AuthorFieldProps {
  readonly view: View;
  readonly job: string | undefined;
}

const Decision = ({ decision }: { decision: TriggerDecision }) => (
  <li class="decision">
    <p>
      <strong>{decision.start ? "Begun" : "Not begun"}</strong> <span class="muted">{formatTime(decision.atMs)}</span>
    </p>
    <ul class="reasons">
      {decision.reasons.map((reason) => (
        <li key={reason}>{reason}</li>
      ))}
    </ul>
  </li>
);

/** The rule that begins trainings: what it decided, and why; and beginning one by hand. */
const RuleCard = ({ view, author, onAuthor }: JobsPageProps) => {
  const { value } = useLoaded<TriggerDecision[]>("v1/jobs/decisions", useThrottled(view.jobs?.sequence, 1000));
  const [error, setError] = useState<string>();
  const decisions = value ?? [];
  const running = (view.jobs?.jobs ?? []).some((job) => !ended(job));
  const start = (): void => {
    if (author.trim() === "") {
      askAuthor();
      return;
    }
    post<JobRecord>("v1/jobs", { by: author.trim() }).then(
      ({ id }) => {
        setError(undefined);
        go("jobs", id);
      },
      (reason: unknown) => setError(errorText(reason)),
    );
  };
  return (
    <section class="card rule" aria-labelledby="rule-title">
      <div class="card-head">
        <h2 id="rule-title">Rule</h2>
        <div class="buttons head-note">
          <AuthorField author={author} onAuthor={onAuthor} />
          <button type="button" class="tool primary" disabled={running} onClick={start}>
            Start a training
          </button>
        </div>
      </div>
      {error !== undefined && (
        <p class="failure" role="alert">
          {error}
        </p>
      )}
      {value?.length === 0 && <p class="muted">It has not decided yet.</p>}
      <ol class="decisions">
        {decisions.slice(0, 1).map((decision) => (
          <Decision key={decision.atMs} decision={decision} />
        ))}
      </ol>
      {decisions.length > 1 && (
        <details>
          <summary>Earlier decisions</summary>
          <ol class="decisions">
            {decisions.slice(1, 50).map((decision) => (
              <Decision key={decision.atMs} decision={decision} />
            ))}
          </ol>
        </details>
      )}
    </section>
  );
};

const JobList = ({ view, open }: { view: View; open: string | undefined }) => {
  const jobs = view.jobs?.jobs ?? [];
  return (
    <section class="card job-list" aria-labelledby="jobs-title">
      <div class="card-head">
        <h2 id="jobs-title">Trainings</h2>
      </div>
      {jobs.length === 0 && <p class="muted">None yet.</p>}
      <ul>
        {jobs.map((job) => (
          <li key={job.id}>
            <a class="offer" href={hrefOf("jobs", job.id)} aria-current={job.id === open ? "true" : undefined}>
              <span class="offer-text">
                <span class="offer-head">
                  <strong>{job.id}</strong>
                  <span class={`state job-${job.state}`}>{stateLabels[job.state]}</span>
                  {!ended(job) && <span class="number">{Math.round(job.done * 100)} %</span>}
                </span>
                <span class="muted">
                  {formatTime(job.startedAtMs)} · {job.reason}
                </span>
              </span>
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
};

/** Trainings: the rule, the list, and the one that is looked at; the newest unless chosen. */
export const JobsPage = (props: JobsPageProps) => {
  const { view, job } = props;
  const version = useThrottled(view.jobs?.sequence ?? 0, 1000);
  const open = job ?? view.jobs?.jobs[0]?.id;
  return (
    <main class="jobs-page">
      <div class="jobs-side">
        <RuleCard {...props} />
        <JobList view={view} open={open} />
      </div>
      {open === undefined ? (
        <section class="card">
          <p class="muted">A training appears here once there is one.</p>
        </section>
      ) : (
        <JobCard key={open} id={open} version={version} />
      )}
    </main>
  );
};
