import { useState } from "preact/hooks";
import type { ScanRecord } from "../../../scan/index.js";
import { type Loaded, post } from "../api.js";
import { askAuthor } from "../author.js";
import { StaleTag } from "../counts.js";
import { formatTime } from "../format.js";
import type { Taxonomy } from "../view.js";
import { LoadFailure, Refusal } from "./failure.js";
import { adviceOf, labelOf, ruleTexts, scanStateTexts } from "./words.js";

const Counts = ({ scan, taxonomy }: { scan: ScanRecord; taxonomy: Taxonomy }) => {
  const classes = Object.entries(scan.counts?.classes ?? {}).filter(([, { count }]) => count > 0);
  return (
    <table class="scan-counts">
      <caption class="visually-hidden">Cells of this scan, each counted once, with 95 % limits</caption>
      <thead>
        <tr>
          <th scope="col">Cells</th>
          <th scope="col">Counted</th>
          <th scope="col">95 % limits</th>
        </tr>
      </thead>
      <tbody>
        {classes.map(([name, { count, limits }]) => (
          <tr key={name}>
            <th scope="row">{labelOf(taxonomy, name)}</th>
            <td class="number figure">{count}</td>
            <td class="number">
              {limits.low.toFixed(0)} – {limits.high?.toFixed(0) ?? ""}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
};

interface ActionsProps {
  readonly scan: ScanRecord;
  readonly author: string;
  /** Nothing that is asked for would be heard. */
  readonly lost: boolean;
}

const Actions = ({ scan: { id, state }, author, lost }: ActionsProps) => {
  const [reason, setReason] = useState<unknown>();
  const act = (action: "pause" | "resume" | "abort"): void => {
    if (action === "abort" && author.trim() === "") {
      askAuthor();
      return;
    }
    post(`v1/scans/${encodeURIComponent(id)}/${action}`, action === "abort" ? { by: author.trim() } : {}).then(
      () => setReason(undefined),
      setReason,
    );
  };
  const button = (action: "pause" | "resume" | "abort", text: string) => (
    <button
      type="button"
      class={action === "resume" ? "tool primary" : "tool"}
      disabled={lost}
      onClick={() => act(action)}
    >
      {text}
    </button>
  );
  return (
    <>
      <div class="buttons">
        {state === "running" && button("pause", "Pause")}
        {state === "paused" && button("resume", "Go on")}
        {(state === "running" || state === "paused") && button("abort", "Abort")}
      </div>
      <Refusal reason={reason} />
    </>
  );
};

const Progress = ({ scan }: { scan: ScanRecord }) => {
  const share = scan.fieldsPlanned === 0 ? 0 : scan.fieldsDone / scan.fieldsPlanned;
  return (
    <>
      <p class="progress">
        <progress value={share} max={1} aria-label="Fields done" />
        <span class="number figure">
          {scan.fieldsDone} of {scan.fieldsPlanned || "?"} fields
        </span>
      </p>
      <ul class="reasons">
        {scan.progress.map(({ rule, value, goal, met }) => (
          <li key={rule}>
            {value === null ? "–" : Number(value.toFixed(2))} of {goal} {ruleTexts[rule]}
            {met && <strong> – met</strong>}
          </li>
        ))}
      </ul>
    </>
  );
};

export interface ScanCardProps extends ActionsProps {
  readonly taxonomy: Taxonomy;
  readonly stale: boolean;
  /** Seconds without news of a scan that runs, where there should have been some. */
  readonly quietS: number | undefined;
  readonly loaded: Omit<Loaded<unknown>, "value">;
}

/** One scan: how far it is, what it has counted, and pausing, going on and aborting it. */
export const ScanCard = ({ scan, taxonomy, author, lost, stale, quietS, loaded }: ScanCardProps) => {
  const { failure } = scan;
  const old = stale || quietS !== undefined || loaded.error !== undefined;
  return (
    <section class={old ? "card stale" : "card"} aria-labelledby="scan-title">
      <div class="card-head">
        <h2 id="scan-title">{scan.slide}</h2>
        <span class={`state scan-${scan.state}`}>{scanStateTexts[scan.state]}</span>
        {scan.setup.simulated && <span class="state simulated-note">Simulated</span>}
        <StaleTag stale={old} />
        <span class="muted head-note">
          begun {formatTime(scan.startedAtMs)} by {scan.by}
        </span>
      </div>
      <LoadFailure what="The scan" of={loaded} />
      {quietS !== undefined && (
        <p class="quiet" role="status">
          Nothing was heard of this scan for {quietS} s.
        </p>
      )}
      <Progress scan={scan} />
      {scan.endedBy !== undefined && <p>{scan.endedBy}</p>}
      {failure !== undefined && (
        <p class="failure" role="alert" data-code={failure.code}>
          {failure.message} ({failure.code}) <span class="advice">{adviceOf(failure.code)}</span>
        </p>
      )}
      <Actions {...{ scan, author, lost }} />
      <Counts scan={scan} taxonomy={taxonomy} />
      <p class="muted note">
        {scan.id} · {scan.setup.camera} and {scan.setup.stage}, objective {scan.setup.objective}
      </p>
    </section>
  );
};
