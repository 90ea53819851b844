import { useState } from "preact/hooks";
import type { CellClass } from "../../../core/index.js";
import type { ScanCell, ScanRecord } from "../../../scan/index.js";
import { useLoaded, useThrottled } from "../api.js";
import type { View } from "../view.js";

/** Counted cells of a class, the surest first. */
export const Gallery = ({
  scan,
  taxonomy,
  onField,
}: {
  scan: ScanRecord;
  taxonomy: View["taxonomy"];
  onField: (field: number) => void;
}) => {
  const [cellClass, setClass] = useState<CellClass>("leukocyte");
  const version = useThrottled(scan.fieldsDone, 3000);
  const path = `v1/scans/${encodeURIComponent(scan.id)}/cells`;
  const { value: cells } = useLoaded<ScanCell[]>(`${path}?class=${cellClass}&limit=120`, version);
  const counted = (name: CellClass): number => scan.counts?.classes[name]?.count ?? 0;
  return (
    <section class="card" aria-labelledby="gallery-title">
      <div class="card-head">
        <h2 id="gallery-title">Cells</h2>
        <label class="head-note">
          Class{" "}
          <select value={cellClass} onChange={(event) => setClass(event.currentTarget.value as CellClass)}>
            {[...(taxonomy ?? [])].map(([name, { label }]) => (
              <option key={name} value={name}>
                {label} ({counted(name as CellClass)})
              </option>
            ))}
          </select>
        </label>
      </div>
      {cells?.length === 0 && <p class="muted">None yet.</p>}
      <ul class="gallery">
        {(cells ?? []).map((cell) => (
          <li key={cell.id}>
            <button
              type="button"
              onClick={() => onField(cell.field)}
              title={`${cell.cellClass}, ${Math.round(100 * cell.confidence)} %; field ${cell.field}`}
            >
              <img
                loading="lazy"
                width={72}
                height={72}
                alt={`${cell.cellClass} ${cell.id}`}
                src={`${path}/${cell.id}/picture`}
              />
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
};
