import { type ReviewState, reviewStates } from "../../../labels/fieldRecord.js";
import { formatBytes, formatCount } from "../format.js";
import type { Taxonomy, View } from "../view.js";
import { stateLabels } from "./keys.js";

const explained: Readonly<Record<ReviewState, string>> = {
  proposed: "as the detector saw it",
  corrected: "changed, not done",
  confirmed: "learnt from",
  unidentified: "not to be told",
  rejected: "of no use",
};

/** How much has piled up, and what the next training waits for. */
export const PileCard = ({ view, taxonomy }: { view: View; taxonomy: Taxonomy }) => {
  const stats = view.labels?.stats;
  const decision = view.jobs?.decision;
  const cells = [...taxonomy.values()].filter((entry) => (stats?.cells[entry.class] ?? 0) > 0);
  return (
    <section class="card pile" aria-labelledby="pile-title">
      <div class="card-head">
        <h2 id="pile-title">Pile</h2>
        {stats !== undefined && (
          <p class="muted head-note">
            {formatBytes(stats.bytes)} · {stats.authors} {stats.authors === 1 ? "person" : "people"}
          </p>
        )}
      </div>
      <dl class="pile-states">
        {reviewStates.map((state) => (
          <div key={state} class="pile-state" data-state={state}>
            <dt>{stateLabels[state]}</dt>
            <dd class="figure">{stats === undefined ? "–" : formatCount(stats.fields[state] ?? 0)}</dd>
            <dd class="explained">{explained[state]}</dd>
          </div>
        ))}
      </dl>
      {cells.length > 0 && (
        <ul class="pile-cells" aria-label="Cells of confirmed fields">
          {cells.map((entry) => (
            <li key={entry.class}>
              <span class="swatch" style={{ backgroundColor: entry.colour }} aria-hidden="true" />
              {entry.label}
              <span class="number">{formatCount(stats?.cells[entry.class] ?? 0)}</span>
            </li>
          ))}
        </ul>
      )}
      {decision != null && (
        <div class="needed">
          <h3>{decision.start ? "A training was begun" : "Until the next training"}</h3>
          <ul class="reasons">
            {decision.reasons.map((reason) => (
              <li key={reason}>{reason}</li>
            ))}
          </ul>
        </div>
      )}
    </section>
  );
};
