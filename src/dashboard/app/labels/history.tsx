import type { FieldRecord } from "../../../labels/fieldRecord.js";
import { useLoaded } from "../api.js";
import { formatTime } from "../format.js";
import { stateLabels } from "./keys.js";

/** Every revision of a field, the newest first. */
export const History = ({ field, revision }: { field: string; revision: number }) => {
  const { value, error } = useLoaded<FieldRecord[]>(`v1/labels/${encodeURIComponent(field)}/revisions`, revision);
  return (
    <details class="history">
      <summary>History</summary>
      {error !== undefined && <p class="failure">{error}</p>}
      <ol>
        {[...(value ?? [])].reverse().map((one) => (
          <li key={one.revision}>
            <span class="number">{one.revision}</span>
            <span>
              {stateLabels[one.state]} by {one.author}
            </span>
            <span class="muted revision-facts">
              {one.cells.length} cells · {formatTime(one.atMs)}
            </span>
          </li>
        ))}
      </ol>
    </details>
  );
};
