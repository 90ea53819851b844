import { useEffect, useRef, useState } from "preact/hooks";
import type { CellClass } from "../../../core/index.js";
import type { ScanCell, ScanRecord } from "../../../scan/index.js";
import { errorText, getPicture, useLoaded, useThrottled } from "../api.js";
import { StaleTag } from "../counts.js";
import type { Taxonomy } from "../view.js";
import { LoadFailure } from "./failure.js";
import { labelOf } from "./words.js";

/** How many pictures did not come, and why the first of them did not: an image element says nothing of that, so it is asked once more. */
const useFailedPictures = (version: unknown) => {
  const [failed, setFailed] = useState<{ count: number; error?: string }>({ count: 0 });
  const [attempt, setAttempt] = useState(0);
  const asked = useRef(false);
  const retry = (): void => {
    asked.current = false;
    setFailed({ count: 0 });
    setAttempt((count) => count + 1);
  };
  useEffect(retry, [version]);
  const note = (url: string): void => {
    setFailed((before) => ({ ...before, count: before.count + 1 }));
    if (asked.current) return;
    asked.current = true;
    getPicture(url).then(
      (picture) => picture?.close(),
      (error: unknown) => setFailed((before) => ({ ...before, error: errorText(error) })),
    );
  };
  return { failed, attempt, note, retry };
};

export interface GalleryProps {
  readonly scan: ScanRecord;
  readonly taxonomy: Taxonomy;
  readonly stale: boolean;
  readonly comebacks: number;
  readonly onField: (field: number) => void;
}

/** Counted cells of a class, the surest first. */
export const Gallery = ({ scan, taxonomy, stale, comebacks, onField }: GalleryProps) => {
  const [cellClass, setClass] = useState<CellClass>("leukocyte");
  const version = useThrottled(scan.fieldsDone, 3000);
  const path = `v1/scans/${encodeURIComponent(scan.id)}/cells`;
  const cells = useLoaded<ScanCell[]>(`${path}?class=${cellClass}&limit=120`, `${version} ${comebacks}`);
  const { failed, attempt, note, retry } = useFailedPictures(`${cellClass} ${comebacks}`);
  const counted = (name: string): number => scan.counts?.classes[name as CellClass]?.count ?? 0;
  return (
    <section class={stale ? "card stale" : "card"} aria-labelledby="gallery-title">
      <div class="card-head">
        <h2 id="gallery-title">Cells</h2>
        <StaleTag stale={stale} />
        <label class="head-note">
          Class{" "}
          <select value={cellClass} onChange={(event) => setClass(event.currentTarget.value as CellClass)}>
            {[...taxonomy].map(([name, { label }]) => (
              <option key={name} value={name}>
                {label} ({counted(name)})
              </option>
            ))}
          </select>
        </label>
      </div>
      <LoadFailure what="The cells" of={cells} />
      {failed.error !== undefined && (
        <LoadFailure
          what={failed.count === 1 ? "A picture" : `${failed.count} pictures`}
          of={{ error: failed.error, reload: retry }}
        />
      )}
      {cells.value?.length === 0 && <p class="muted">None yet.</p>}
      <ul class="gallery">
        {(cells.value ?? []).map((cell) => {
          const label = labelOf(taxonomy, cell.cellClass);
          const src = `${path}/${cell.id}/picture`;
          return (
            <li key={cell.id}>
              <button
                type="button"
                onClick={() => onField(cell.field)}
                title={`${label}, ${Math.round(100 * cell.confidence)} %; field ${cell.field}`}
              >
                <img
                  key={attempt}
                  loading="lazy"
                  width={72}
                  height={72}
                  alt={`${label}, field ${cell.field}`}
                  src={src}
                  onError={() => note(src)}
                />
              </button>
            </li>
          );
        })}
      </ul>
    </section>
  );
};
