import { useState } from "preact/hooks";
import type { GateReport, ModelEntry, Promotion } from "../../../registry/index.js";
import { type Loaded, useLoaded } from "../api.js";
import { AuthorField, type AuthorFieldProps } from "../author.js";
import { formatTime } from "../format.js";
import { hrefOf } from "../route.js";
import type { View } from "../view.js";
import { Comparison } from "./comparison.js";
import { ExchangeDialog } from "./exchange.js";

export interface ModelsPageProps extends AuthorFieldProps {
  readonly view: View;
}

const idOf = ({ name, version }: Pick<ModelEntry, "name" | "version">): string => `${name}@${version}`;

const figureText = (value: unknown): string => {
  if (typeof value === "number") return String(Math.round(value * 1000) / 1000);
  return typeof value === "string" ? value : "";
};

const Figures = ({ figures }: Pick<ModelEntry, "figures">) => (
  <>
    {Object.entries(figures)
      .map(([name, value]) => [name, figureText(value)] as const)
      .filter(([, text]) => text !== "")
      .slice(0, 4)
      .map(([name, text]) => (
        <span key={name} class="figure-pair">
          <span class="muted">{name}</span> {text}
        </span>
      ))}
  </>
);

const Lineage = ({ model: { lineage, origin } }: { model: ModelEntry }) => {
  if (lineage === undefined)
    return <span class="muted">{origin === "shipped" ? "Came with the program" : "Unknown"}</span>;
  return (
    <>
      <span>
        from {lineage.parent} by <a href={hrefOf("jobs", lineage.job)}>{lineage.job}</a>
      </span>
      <span class="muted lineage-more" title={`Fields ${lineage.dataSha256}`}>
        {formatTime(lineage.trainedAtMs)} · fields {lineage.dataSha256.slice(0, 8)} · seed {lineage.seed}
      </span>
    </>
  );
};

interface RowProps {
  readonly model: ModelEntry;
  readonly onCompare: (() => void) | undefined;
  readonly onPromote: (() => void) | undefined;
}

const ModelRow = ({ model, onCompare, onPromote }: RowProps) => (
  <tr data-model={idOf(model)} class={model.active ? "in-production" : ""}>
    <th scope="row">
      {idOf(model)}
      {model.active && <span class="state model-active">In production</span>}
    </th>
    <td>{model.kind}</td>
    <td class="lineage">
      <Lineage model={model} />
    </td>
    <td>
      <Figures figures={model.figures} />
    </td>
    <td>
      <div class="buttons">
        {onCompare !== undefined && (
          <button type="button" class="tool" onClick={onCompare}>
            Compare
          </button>
        )}
        {onPromote !== undefined && (
          <button type="button" class="tool" onClick={onPromote}>
            Promote
          </button>
        )}
      </div>
    </td>
  </tr>
);

const ModelTable = ({ models, row }: { models: readonly ModelEntry[]; row: (model: ModelEntry) => RowProps }) => (
  <div class="table-box">
    <table class="plain">
      <thead>
        <tr>
          <th scope="col">Model</th>
          <th scope="col">Kind</th>
          <th scope="col">Lineage</th>
          <th scope="col">Figures</th>
          <th scope="col">
            <span class="visually-hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {models.map((model) => (
          <ModelRow key={idOf(model)} {...row(model)} />
        ))}
      </tbody>
    </table>
  </div>
);

const kindLabels: Readonly<Record<Promotion["kind"], string>> = {
  initial: "Began with",
  promotion: "Promoted",
  rollback: "Went back to",
};

/** Which model was in production when. */
const HistoryCard = ({ history: { value, error } }: { history: Loaded<Promotion[]> }) => {
  return (
    <section class="card" aria-labelledby="history-title">
      <div class="card-head">
        <h2 id="history-title">History</h2>
      </div>
      {error !== undefined && <p class="failure">{error}</p>}
      <ol class="promotions">
        {(value ?? []).map((promotion) => (
          <li key={`${promotion.atMs} ${promotion.model}`} data-kind={promotion.kind}>
            <p>
              {kindLabels[promotion.kind]} <strong>{promotion.model}</strong>
              {promotion.before !== undefined && <span class="muted"> instead of {promotion.before}</span>}
            </p>
            <p class="muted">
              {formatTime(promotion.atMs)} by {promotion.by}: {promotion.reason}
            </p>
          </li>
        ))}
      </ol>
    </section>
  );
};

const comparePath = (pair: readonly [string, string] | undefined): string | undefined =>
  pair === undefined
    ? undefined
    : `v1/models/compare?a=${encodeURIComponent(pair[0])}&b=${encodeURIComponent(pair[1])}`;

interface PairProps {
  readonly models: readonly ModelEntry[];
  readonly pair: readonly [string, string] | undefined;
  readonly onPair: (pair: readonly [string, string]) => void;
}

const Choice = ({
  label,
  value,
  models,
  onChoose,
}: {
  label: string;
  value: string;
  models: readonly string[];
  onChoose: (model: string) => void;
}) => (
  <label>
    {label}{" "}
    <select value={value} onChange={(event) => onChoose(event.currentTarget.value)}>
      {models.map((model) => (
        <option key={model} value={model}>
          {model}
        </option>
      ))}
    </select>
  </label>
);

/** Two models side by side, by the gate's own comparison. */
const ComparisonCard = ({ models, pair, onPair, view }: PairProps & { view: View }) => {
  const { value, error } = useLoaded<GateReport>(comparePath(pair));
  const detectors = models.filter(({ kind }) => kind === "detector").map(idOf);
  const [a, b] = pair ?? ["", ""];
  return (
    <section class="card" aria-labelledby="compare-title">
      <div class="card-head">
        <h2 id="compare-title">Comparison</h2>
        {pair !== undefined && (
          <div class="buttons head-note">
            <Choice label="Candidate" value={a} models={detectors} onChoose={(model) => onPair([model, b])} />
            <Choice label="against" value={b} models={detectors} onChoose={(model) => onPair([a, model])} />
          </div>
        )}
      </div>
      {pair === undefined && <p class="muted">Choose Compare beside a model.</p>}
      {error !== undefined && (
        <p class="failure" role="alert">
          {error}
        </p>
      )}
      {pair !== undefined && value === undefined && error === undefined && (
        <p class="muted" role="status">
          Both models look at the frozen validation fields. This takes a while…
        </p>
      )}
      {value !== undefined && <Comparison report={value} taxonomy={view.taxonomy} />}
    </section>
  );
};

/** Models: which there are, where they come from, which is in production, which was. */
export const ModelsPage = ({ view, author, onAuthor }: ModelsPageProps) => {
  const version = view.models?.sequence ?? 0;
  const { value, error, reload } = useLoaded<ModelEntry[]>("v1/models", version);
  const [pair, setPair] = useState<readonly [string, string]>();
  const [exchange, setExchange] = useState<{ readonly model: string | undefined }>();
  const models = value ?? [];
  const active = models.find((model) => model.active && model.kind === "detector");
  const history = useLoaded<Promotion[]>("v1/models/history", version);
  const promotion = active === undefined ? undefined : history.value?.find(({ model }) => model === idOf(active));
  const row = (model: ModelEntry): RowProps => {
    const other = model.kind === "detector" && !model.active && active !== undefined ? idOf(active) : undefined;
    return {
      model,
      onCompare: other === undefined ? undefined : () => setPair([idOf(model), other]),
      onPromote: other === undefined ? undefined : () => setExchange({ model: idOf(model) }),
    };
  };
  return (
    <main class="models-page">
      <section class="card" aria-labelledby="models-title">
        <div class="card-head">
          <h2 id="models-title">Models</h2>
          <p class="production">
            {active !== undefined && (
              <>
                <strong data-production>{idOf(active)}</strong> in production
                {promotion !== undefined && ` since ${formatTime(promotion.atMs)}`}
              </>
            )}
          </p>
          <div class="buttons head-note">
            <AuthorField author={author} onAuthor={onAuthor} />
            <button
              type="button"
              class="tool"
              disabled={promotion?.before === undefined}
              onClick={() => setExchange({ model: undefined })}
            >
              Roll back
            </button>
          </div>
        </div>
        {error !== undefined && <p class="failure">{error}</p>}
        <ModelTable models={models} row={row} />
      </section>
      <ComparisonCard models={models} pair={pair} onPair={setPair} view={view} />
      <HistoryCard history={history} />
      {exchange !== undefined && (
        <ExchangeDialog
          {...{ author, onAuthor }}
          model={exchange.model}
          onDone={() => {
            reload();
            history.reload();
          }}
          onClose={() => setExchange(undefined)}
        />
      )}
    </main>
  );
};
