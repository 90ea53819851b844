import type { AlertsMessage } from "../../publication/index.js";
import { formatTime } from "./format.js";

/** Alarms that are raised, on every page. */
export const AlertsBanner = ({ alerts }: { alerts: AlertsMessage | undefined }) => {
  const raised = (alerts?.alarms ?? []).filter((alarm) => alarm.raised);
  if (raised.length === 0) return null;
  return (
    <ul class="banner alarms" role="alert">
      {raised.map(({ kind, text, sinceMs }) => (
        <li key={kind} data-alarm={kind}>
          <svg class="alarm-mark" viewBox="0 0 16 16" aria-hidden="true">
            <path d="M8 1.5l7 13H1z" />
            <path class="alarm-bang" d="M8 6v4M8 12v1" />
          </svg>
          <span>{text}</span>
          {sinceMs !== null && <span class="alarm-since">since {formatTime(sinceMs)}</span>}
        </li>
      ))}
    </ul>
  );
};
