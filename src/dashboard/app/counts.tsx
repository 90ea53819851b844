import type { CountsMessage, TaxonomyMessage } from "../../publication/index.js";
import { formatArea, formatCount, formatPercent, formatRate } from "./format.js";
import type { Taxonomy } from "./view.js";

interface CountsProps {
  readonly counts: CountsMessage | undefined;
  readonly taxonomy: Taxonomy;
  readonly stale: boolean;
}

const StaleTag = ({ stale }: { stale: boolean }) => (stale ? <span class="tag stale-tag">Stale</span> : null);

const Tile = ({ entry, counts }: { entry: TaxonomyMessage; counts: CountsMessage | undefined }) => {
  const row = counts?.classes.find((one) => one.class === entry.class);
  return (
    <div class="tile" data-class={entry.class}>
      <dt>
        <span class="swatch" style={{ backgroundColor: entry.colour }} aria-hidden="true" />
        <span>{entry.label}s</span>
        <abbr title={entry.label}>{entry.abbreviation}</abbr>
      </dt>
      <dd class="figure">{row === undefined ? "–" : formatCount(row.count)}</dd>
      <dd class="muted">
        {row === undefined ? "" : `${formatCount(row.limits.low)} – ${formatCount(row.limits.high)}`}
        {row?.perField === undefined ? "" : ` · ${formatRate(row.perField)} a field`}
      </dd>
    </div>
  );
};

/** How many of each kind, with limits; large enough to be read from a step away. */
export const CountsCard = ({ counts, taxonomy, stale }: CountsProps) => (
  <section class={stale ? "card counts stale" : "card counts"} aria-labelledby="counts-title">
    <div class="card-head">
      <h2 id="counts-title">Counts</h2>
      <StaleTag stale={stale} />
      <p class="muted head-note">
        {counts === undefined ? "No field counted yet" : `${formatCount(counts.fields)} fields`}
        {counts?.areaUm2 == null ? "" : ` · ${formatArea(counts.areaUm2)}`}
      </p>
    </div>
    <dl class="tiles">
      {[...taxonomy.values()]
        .filter(({ parent }) => parent === null)
        .map((entry) => (
          <Tile key={entry.class} entry={entry} counts={counts} />
        ))}
    </dl>
    <p class="muted note">Each cell counted once. Ranges are 95 % confidence limits.</p>
  </section>
);

type Row = CountsMessage["differential"]["rows"][number];

const Bar = ({ row, colour }: { row: Row; colour: string }) => (
  <div class="bar" aria-hidden="true">
    <div class="bar-fill" style={{ width: `${row.percent}%`, backgroundColor: colour }} />
    <div
      class="bar-limits"
      style={{ left: `${row.limits.low}%`, width: `${Math.max(0, Math.min(100, row.limits.high) - row.limits.low)}%` }}
    />
  </div>
);

const DifferentialRow = ({ row, entry }: { row: Row; entry: TaxonomyMessage | undefined }) => (
  <tr data-class={row.class} class={row.count === 0 ? "none" : ""}>
    <th scope="row">
      <span class="letters">
        <span class="swatch" style={{ backgroundColor: entry?.colour ?? "#888888" }} aria-hidden="true" />
        {entry?.abbreviation ?? ""}
      </span>
      <span class="class-name">{entry?.label ?? row.class}</span>
    </th>
    <td class="number">{formatCount(row.count)}</td>
    <td class="bar-cell">
      <Bar row={row} colour={entry?.colour ?? "#888888"} />
    </td>
    <td class="number percent">{formatPercent(row.percent)}</td>
    <td class="number muted limits">
      {formatPercent(row.limits.low)} – {formatPercent(row.limits.high)}
    </td>
  </tr>
);

/** The differential over the leukocyte classes. */
export const DifferentialCard = ({ counts, taxonomy, stale }: CountsProps) => (
  <section class={stale ? "card differential stale" : "card differential"} aria-labelledby="differential-title">
    <div class="card-head">
      <h2 id="differential-title">Differential</h2>
      <StaleTag stale={stale} />
      <p class="muted head-note">
        {counts === undefined
          ? ""
          : `${formatCount(counts.differential.total)} leukocytes named, ${formatCount(counts.differential.unsure)} unsure`}
      </p>
    </div>
    <table>
      <caption class="visually-hidden">Share of each leukocyte class with 95 % confidence limits</caption>
      <thead>
        <tr>
          <th scope="col">Class</th>
          <th scope="col" class="number">
            Count
          </th>
          <th scope="col" class="bar-cell">
            <span class="visually-hidden">Bar</span>
          </th>
          <th scope="col" class="number">
            %
          </th>
          <th scope="col" class="number limits">
            95 % limits
          </th>
        </tr>
      </thead>
      <tbody>
        {(counts?.differential.rows ?? []).map((row) => (
          <DifferentialRow key={row.class} row={row} entry={taxonomy.get(row.class)} />
        ))}
      </tbody>
    </table>
    {counts === undefined && <p class="muted note">Appears with the first leukocyte.</p>}
  </section>
);
