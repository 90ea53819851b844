import type { CountsMessage, TaxonomyMessage } from "../../publication/index.js";
import { formatArea, formatCount, formatPercent, formatRate } from "./format.js";
import type { Taxonomy } from "./view.js";

interface CountsProps {
  readonly counts: CountsMessage | undefined;
  readonly taxonomy: Taxonomy;
  readonly stale: boolean;
}

export const StaleTag = ({ stale }: { stale: boolean }) => (stale ? <span class="tag stale-tag">Stale</span> : null);

type Limits = CountsMessage["classes"][number]["limits"];

const formatLimits = ({ low, high }: Limits, format: (value: number) => string): string =>
  high === null ? `${format(low)} or more` : `${format(low)} – ${format(high)}`;

const Tile = ({ entry, counts }: { entry: TaxonomyMessage; counts: CountsMessage | undefined }) => {
  const row = counts?.classes.find((one) => one.class === entry.class);
  return (
    <div class="tile" data-class={entry.class}>
      <dt>
        <span class="swatch" style={{ backgroundColor: entry.colour }} aria-hidden="true" />
        <span class="tile-name">{entry.label}s</span>
        <abbr title={`${entry.label}s`}>{entry.abbreviation}</abbr>
      </dt>
      <dd class="figure">{row === undefined ? "–" : formatCount(row.count)}</dd>
      <dd class="muted">{row === undefined ? "" : formatLimits(row.limits, formatCount)}</dd>
      <dd class="muted">{row?.perMm2 === undefined ? "" : `${formatRate(row.perMm2.value)} per mm²`}</dd>
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
        {counts === undefined
          ? "No field counted yet"
          : `${formatCount(counts.fields.counted)} fields · ${formatArea(counts.areaMm2)}`}
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

type Row = CountsMessage["differential"]["seven"]["rows"][number];

const Bar = ({ percent, colour }: { percent: Row["percent"]; colour: string }) => {
  const { low, high } = percent?.limits ?? { low: 0, high: 0 };
  return (
    <div class="bar" aria-hidden="true">
      <div class="bar-fill" style={{ width: `${percent?.value ?? 0}%`, backgroundColor: colour }} />
      {percent !== null && (
        <div class="bar-limits" style={{ left: `${low}%`, width: `${Math.max(0, (high ?? 100) - low)}%` }} />
      )}
    </div>
  );
};

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
      <Bar percent={row.percent} colour={entry?.colour ?? "#888888"} />
    </td>
    <td class="number percent">{row.percent === null ? "–" : formatPercent(row.percent.value)}</td>
    <td class="number muted limits">{row.percent === null ? "" : formatLimits(row.percent.limits, formatPercent)}</td>
  </tr>
);

const leukocytesNamed = ({ differential, unsure }: CountsMessage): string =>
  `${formatCount(differential.seven.total)} cells named, ${formatCount(unsure.count)} unsure`;

/** The differential over the leukocyte classes. */
export const DifferentialCard = ({ counts, taxonomy, stale }: CountsProps) => (
  <section class={stale ? "card differential stale" : "card differential"} aria-labelledby="differential-title">
    <div class="card-head">
      <h2 id="differential-title">Differential</h2>
      <StaleTag stale={stale} />
      <p class="muted head-note">{counts === undefined ? "" : leukocytesNamed(counts)}</p>
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
        {(counts?.differential.seven.rows ?? []).map((row) => (
          <DifferentialRow key={row.class} row={row} entry={taxonomy.get(row.class)} />
        ))}
      </tbody>
    </table>
    {counts === undefined && <p class="muted note">Appears with the first leukocyte.</p>}
  </section>
);
