import { useState } from "preact/hooks";
import type { ScanRecord } from "../../../scan/index.js";
import { useLoaded, useThrottled } from "../api.js";
import type { AuthorFieldProps } from "../author.js";
import { StaleTag } from "../counts.js";
import { formatTime } from "../format.js";
import { hrefOf } from "../route.js";
import type { Settings } from "../settings.js";
import type { Monitor } from "../useMonitor.js";
import type { View } from "../view.js";
import { LoadFailure } from "./failure.js";
import { Gallery } from "./gallery.js";
import { ScannedSlide } from "./map.js";
import { ScanCard } from "./scanCard.js";
import { ScannedField, useFieldLayers } from "./scannedField.js";
import { StagePanel } from "./stagePanel.js";
import { type Staleness, stalenessOf, useComebacks, useQuietSeconds } from "./staleness.js";
import { StartForm } from "./startForm.js";
import { scanStateTexts } from "./words.js";

const ScanList = ({ view, open, stale }: { view: View; open: string | undefined; stale: boolean }) => {
  const scans = view.scans?.scans;
  return (
    <section class={stale ? "card job-list stale" : "card job-list"} aria-labelledby="scans-title">
      <div class="card-head">
        <h2 id="scans-title">Scans</h2>
        <StaleTag stale={stale} />
      </div>
      {scans === undefined && <p class="muted">Nothing was heard of the daemon yet.</p>}
      {scans?.length === 0 && <p class="muted">None yet.</p>}
      <ul>
        {(scans ?? []).map((scan) => (
          <li key={scan.id}>
            <a class="offer" href={hrefOf("scans", scan.id)} aria-current={scan.id === open ? "true" : undefined}>
              <span class="offer-text">
                <span class="offer-head">
                  <strong>{scan.slide}</strong>
                  <span class={`state scan-${scan.state}`}>{scanStateTexts[scan.state]}</span>
                  <span class="number figure">
                    {scan.fieldsDone}/{scan.fieldsPlanned || "?"}
                  </span>
                </span>
                <span class="muted">
                  {formatTime(scan.startedAtMs)}
                  {scan.simulated ? " · simulated" : ""}
                </span>
              </span>
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
};

export interface ScansPageProps extends AuthorFieldProps {
  readonly view: View;
  readonly scan: string | undefined;
  readonly settings: Settings;
  readonly ask: Monitor["ask"];
}

interface OpenScanProps extends Pick<ScansPageProps, "view" | "author" | "settings"> {
  readonly id: string;
  readonly stale: Staleness;
  readonly comebacks: number;
}

/** The scan that is looked at. */
const OpenScan = ({ id, view, author, settings, stale, comebacks }: OpenScanProps) => {
  const sequence = useThrottled(view.scans?.sequence ?? 0, 1000);
  const loaded = useLoaded<ScanRecord>(`v1/scans/${encodeURIComponent(id)}`, `${sequence} ${comebacks}`);
  const [field, setField] = useState<number>();
  const [layers, toggle] = useFieldLayers(settings);
  const { value: scan } = loaded;
  const running = scan?.state === "running";
  const quietS = useQuietSeconds(view.scans?.sequence, running && !stale.connection);
  if (scan === undefined)
    return (
      <section class="card">
        {loaded.error === undefined && <p class="muted">The scan is being loaded.</p>}
        <LoadFailure what="The scan" of={loaded} />
      </section>
    );
  const shared = { scan, taxonomy: view.taxonomy, comebacks };
  const old = stale.connection;
  return (
    <div class="jobs-side">
      <ScannedSlide {...shared} stale={old} open={field} onField={setField} />
      {field !== undefined && (
        <ScannedField {...shared} index={field} settings={layers} onToggle={toggle} onField={setField} />
      )}
      <ScanCard
        {...{ ...shared, author, quietS, loaded }}
        lost={old}
        stale={old || (running && (stale.camera || stale.stage))}
      />
      <Gallery {...shared} stale={old} onField={setField} />
    </div>
  );
};

/** Scans: the stage, the form that begins one, the list, and the one that is looked at; the newest unless chosen. */
export const ScansPage = ({ view, scan: chosen, author, onAuthor, settings, ask }: ScansPageProps) => {
  const { scans = [], microscope } = view.scans ?? {};
  const open = chosen ?? scans[0]?.id;
  const stale = stalenessOf(view);
  const comebacks = useComebacks(view.connection);
  const running = scans.some(({ state }) => state === "running");
  const absent = view.run !== undefined && !view.topics.includes("scans");
  return (
    <main class="jobs-page scans-page">
      <div class="jobs-side">
        {microscope && <StagePanel {...{ microscope, author, onAuthor, stale }} scanning={running} onAsk={ask} />}
        {microscope && <StartForm {...{ microscope, running, author }} lost={stale.connection} />}
        <ScanList view={view} open={open} stale={stale.connection} />
      </div>
      {absent ? (
        <section class="card">
          <p class="failure">This daemon has no stage, and makes no scans. (STAGE_ABSENT)</p>
        </section>
      ) : open === undefined ? (
        <section class="card">
          <p class="muted">A scan appears here once there is one.</p>
        </section>
      ) : (
        <OpenScan key={open} id={open} {...{ view, author, settings, stale, comebacks }} />
      )}
    </main>
  );
};
