import { useEffect, useState } from "preact/hooks";
import type { StatusMessage } from "../../publication/index.js";
import { hrefOf, type Page } from "./route.js";
import type { Settings } from "./settings.js";
import type { Connection } from "./stream.js";

export interface HeaderProps {
  readonly page: Page;
  /** The pages that this daemon has. */
  readonly offered: readonly Page[];
  readonly connection: Connection;
  readonly status: StatusMessage | undefined;
  readonly simulated: boolean;
  readonly theme: Settings["theme"];
  readonly onTheme: () => void;
  readonly onHelp: () => void;
  readonly onRetry: () => void;
}

type Tone = "good" | "busy" | "bad";

/** Form as well as colour tells how things stand. */
const Light = ({ tone }: { tone: Tone }) => (
  <svg class={`light ${tone}`} viewBox="0 0 12 12" aria-hidden="true">
    {tone === "good" && <circle cx="6" cy="6" r="5" />}
    {tone === "busy" && <circle cx="6" cy="6" r="4" fill="none" stroke-width="2.4" stroke-dasharray="6 3" />}
    {tone === "bad" && <path d="M1.5 1.5l9 9M10.5 1.5l-9 9" fill="none" stroke-width="2.6" />}
  </svg>
);

const cameraTexts: Readonly<Record<StatusMessage["camera"]["state"], readonly [Tone, string]>> = {
  opening: ["busy", "Camera opening"],
  streaming: ["good", "Camera live"],
  stale: ["bad", "Camera stale"],
  reconnecting: ["busy", "Camera reconnecting"],
  ended: ["bad", "Source ended"],
  failed: ["bad", "Camera failed"],
};

export const connectionText = (connection: Connection): string => {
  if (connection.phase === "live") return "Connected";
  return connection.phase === "connecting" ? "Connecting" : "Disconnected";
};

export const cameraText = (camera: StatusMessage["camera"]): string =>
  camera.cause === undefined ? cameraTexts[camera.state][1] : `${cameraTexts[camera.state][1]} (${camera.cause})`;

const useSecondsUntil = (atMs: number | undefined): number => {
  const [nowMs, setNowMs] = useState(Date.now());
  useEffect(() => {
    if (atMs === undefined) return;
    setNowMs(Date.now());
    const timer = window.setInterval(() => setNowMs(Date.now()), 250);
    return () => window.clearInterval(timer);
  }, [atMs]);
  return atMs === undefined ? 0 : Math.max(0, Math.ceil((atMs - nowMs) / 1000));
};

const ConnectionPill = ({ connection, onRetry }: Pick<HeaderProps, "connection" | "onRetry">) => {
  const seconds = useSecondsUntil(connection.phase === "waiting" ? connection.retryAtMs : undefined);
  const tone = connection.phase === "live" ? "good" : connection.phase === "connecting" ? "busy" : "bad";
  return (
    <span class="pill" data-connection={connection.phase}>
      <Light tone={tone} />
      {connectionText(connection)}
      {connection.phase === "waiting" && (
        <>
          <span class="muted number">, again in {seconds} s</span>
          <button type="button" class="link" onClick={onRetry}>
            Now
          </button>
        </>
      )}
      {connection.phase === "live" && connection.how === "resumed" && <span class="muted">(resumed)</span>}
    </span>
  );
};

const pageLabels: Readonly<Record<Page, string>> = {
  live: "Live",
  labels: "Labels",
  scans: "Scans",
  jobs: "Training",
  models: "Models",
};

const Pages = ({ page, offered }: Pick<HeaderProps, "page" | "offered">) => (
  <nav class="pages" aria-label="Pages">
    {offered.map((name) => (
      <a key={name} href={hrefOf(name)} aria-current={name === page ? "page" : undefined}>
        {pageLabels[name]}
      </a>
    ))}
  </nav>
);

const themeLabels = { system: "Auto", light: "Light", dark: "Dark" } as const;

/** Who this is, whether it is real, and whether it is alive. */
export const Header = (props: HeaderProps) => {
  const { page, offered, connection, status, simulated, theme, onTheme, onHelp, onRetry } = props;
  return (
    <header class="top">
      <h1>
        <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
          <circle cx="16" cy="16" r="13" />
          <circle class="pallor" cx="16" cy="16" r="5.5" />
        </svg>
        cytostream
      </h1>
      {simulated && (
        <span class="tag simulated" title="The fields are painted by the program. No blood was looked at.">
          Simulated
        </span>
      )}
      {offered.length > 1 && <Pages page={page} offered={offered} />}
      <div class="states">
        <ConnectionPill connection={connection} onRetry={onRetry} />
        {status !== undefined && (
          <span class="pill" data-camera={status.camera.state}>
            <Light tone={connection.phase === "live" ? cameraTexts[status.camera.state][0] : "bad"} />
            {connection.phase === "live" ? cameraText(status.camera) : "Camera not heard of"}
          </span>
        )}
      </div>
      <div class="tools">
        <button type="button" class="tool" title="Light, dark, or as the system (T)" onClick={onTheme}>
          Theme: {themeLabels[theme]}
        </button>
        <button type="button" class="tool" title="Keys and explanations (?)" onClick={onHelp}>
          Help
        </button>
      </div>
    </header>
  );
};
