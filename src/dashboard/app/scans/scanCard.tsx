import { useState } from "preact/hooks";
import type { ScanRecord } from "../../../scan/index.js";
import { errorText, post } from "../api.js";
import { askAuthor } from "../author.js";
import { formatTime } from "../format.js";
import type { View } from "../view.js";

export const scanStateTexts: Readonly<Record<ScanRecord["state"], string>> = {
  running: "Running",
  paused: "Paused",
  complete: "Complete",
  aborted: "Aborted",
  failed: "Failed",
};

const ruleTexts = {
  leukocytes: "leukocytes",
  fields: "fields",
  areaMm2: "mm²",
  minutes: "minutes",
  limits: "% to either side, widest class",
} as const;

const Counts = ({ scan, taxonomy }: { scan: ScanRecord; taxonomy: View["taxonomy"] }) => {
  const classes = Object.entries(scan.counts?.classes ?? {}).filter(([, { count }]) => count > 0);
  const labels = new Map<string, string>([...(taxonomy ?? [])].map(([name, { label }]) => [name, label]));
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
            <th scope="row">{labels.get(name) ?? name}</th>
            <td class="number">{count}</td>
            <td class="number">
              {limits.low.toFixed(0)} – {limits.high?.toFixed(0) ?? ""}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
};

/** One scan: how far it is, what it has counted, and pausing, going on and aborting it. */
export const ScanCard = ({
  scan,
  taxonomy,
  author,
}: {
  scan: ScanRecord;
  taxonomy: View["taxonomy"];
  author: string;
}) => {
  const [error, setError] = useState<string>();
  const act = (action: "pause" | "resume" | "abort"): void => {
    if (action === "abort" && author.trim() === "") {
      askAuthor();
      return;
    }
    post(`v1/scans/${encodeURIComponent(scan.id)}/${action}`, action === "abort" ? { by: author.trim() } : {}).then(
      () => setError(undefined),
      (reason: unknown) => setError(errorText(reason)),
    );
  };
  const share = scan.fieldsPlanned === 0 ? 0 : scan.fieldsDone / scan.fieldsPlanned;
  return (
    <section class="card" aria-labelledby="scan-title">
      <div class="card-head">
        <h2 id="scan-title">{scan.slide}</h2>
        <span class={`state scan-${scan.state} head-note`}>{scanStateTexts[scan.state]}</span>
        {scan.setup.simulated && <span class="head-note simulated-note">simulated</span>}
      </div>
      <p class="muted">
        {scan.id} · begun {formatTime(scan.startedAtMs)} by {scan.by}
      </p>
      <p class="progress">
        <progress value={share} max={1} />
        <span class="number">
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
      {scan.endedBy !== undefined && <p>{scan.endedBy}</p>}
      {scan.failure !== undefined && (
        <p class="failure" role="alert">
          {scan.failure.message} ({scan.failure.code})
        </p>
      )}
      <div class="buttons">
        {scan.state === "running" && (
          <button type="button" class="tool" onClick={() => act("pause")}>
            Pause
          </button>
        )}
        {scan.state === "paused" && (
          <button type="button" class="tool primary" onClick={() => act("resume")}>
            Go on
          </button>
        )}
        {(scan.state === "running" || scan.state === "paused") && (
          <button type="button" class="tool" onClick={() => act("abort")}>
            Abort
          </button>
        )}
      </div>
      {error !== undefined && (
        <p class="failure" role="alert">
          {error}
        </p>
      )}
      <Counts scan={scan} taxonomy={taxonomy} />
    </section>
  );
};
