import { useState } from "preact/hooks";
import type { ScanField, ScanRecord } from "../../../scan/index.js";
import { useLoaded, useThrottled } from "../api.js";
import type { AuthorFieldProps } from "../author.js";
import { formatTime } from "../format.js";
import { hrefOf } from "../route.js";
import type { Monitor } from "../useMonitor.js";
import type { View } from "../view.js";
import { Gallery } from "./gallery.js";
import { ScannedSlide } from "./map.js";
import { ScanCard, scanStateTexts } from "./scanCard.js";
import { StagePanel } from "./stagePanel.js";
import { StartForm } from "./startForm.js";

const ScanList = ({ view, open }: { view: View; open: string | undefined }) => {
  const scans = view.scans?.scans ?? [];
  return (
    <section class="card job-list" aria-labelledby="scans-title">
      <div class="card-head">
        <h2 id="scans-title">Scans</h2>
      </div>
      {scans.length === 0 && <p class="muted">None yet.</p>}
      <ul>
        {scans.map((scan) => (
          <li key={scan.id}>
            <a class="offer" href={hrefOf("scans", scan.id)} aria-current={scan.id === open ? "true" : undefined}>
              <span class="offer-text">
                <span class="offer-head">
                  <strong>{scan.slide}</strong>
                  <span class={`state scan-${scan.state}`}>{scanStateTexts[scan.state]}</span>
                  <span class="number">
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

const FieldPicture = ({ scan, index, onClose }: { scan: ScanRecord; index: number; onClose: () => void }) => {
  const path = `v1/scans/${encodeURIComponent(scan.id)}/fields`;
  const { value } = useLoaded<ScanField[]>(`${path}?from=${index}`);
  const field = value?.[0];
  const cells = Object.entries(field?.cells ?? {}).map(([name, count]) => `${count} ${name}`);
  return (
    <section class="card" aria-labelledby="field-title">
      <div class="card-head">
        <h2 id="field-title">Field {index}</h2>
        <button type="button" class="tool head-note" onClick={onClose}>
          Close
        </button>
      </div>
      <img class="field-picture" src={`${path}/${index}/picture`} alt={`Field ${index} of ${scan.slide}`} />
      {field !== undefined && (
        <p class="muted">
          x {field.centreUm.x.toFixed(0)}, y {field.centreUm.y.toFixed(0)} µm · focus {field.sharpness.toFixed(2)}
          {field.refocused ? " (refocused)" : ""} · {cells.join(", ") || "no cells"}
        </p>
      )}
    </section>
  );
};

export interface ScansPageProps extends AuthorFieldProps {
  readonly view: View;
  readonly scan: string | undefined;
  readonly ask: Monitor["ask"];
}

/** Scans: the stage, the form that begins one, the list, and the one that is looked at; the newest unless chosen. */
export const ScansPage = ({ view, scan: chosen, author, onAuthor, ask }: ScansPageProps) => {
  const { scans = [], microscope } = view.scans ?? {};
  const open = chosen ?? scans[0]?.id;
  const version = useThrottled(view.scans?.sequence ?? 0, 1000);
  const { value: scan } = useLoaded<ScanRecord>(
    open === undefined ? undefined : `v1/scans/${encodeURIComponent(open)}`,
    version,
  );
  const [field, setField] = useState<number>();
  const running = scans.some(({ state }) => state === "running");
  return (
    <main class="jobs-page scans-page">
      <div class="jobs-side">
        {microscope && <StagePanel microscope={microscope} author={author} scanning={running} onAsk={ask} />}
        {microscope && <StartForm {...{ microscope, running, author, onAuthor }} />}
        <ScanList view={view} open={open} />
      </div>
      {scan === undefined ? (
        <section class="card">
          <p class="muted">A scan appears here once there is one.</p>
        </section>
      ) : (
        <div class="jobs-side" key={scan.id}>
          <ScannedSlide scan={scan} onField={setField} />
          {field !== undefined && <FieldPicture scan={scan} index={field} onClose={() => setField(undefined)} />}
          <ScanCard scan={scan} taxonomy={view.taxonomy} author={author} />
          <Gallery scan={scan} taxonomy={view.taxonomy} onField={setField} />
        </div>
      )}
    </main>
  );
};
