import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import { AlertsBanner } from "./alerts.js";
import { useAuthor } from "./author.js";
import { CountsCard, DifferentialCard } from "./counts.js";
import { cameraText, connectionText, Header } from "./header.js";
import { HelpDialog } from "./help.js";
import { InstrumentCard } from "./instrument.js";
import { JobsPage } from "./jobs/page.js";
import { LabelsPage } from "./labels/page.js";
import { ModelsPage } from "./models/page.js";
import { PictureCard } from "./picture.js";
import { type Page, useRoute } from "./route.js";
import { ScansPage } from "./scans/page.js";
import { scansStaleReason } from "./scans/staleness.js";
import { type Layer, layers, layerTexts, loadSettings, type Settings, saveSettings } from "./settings.js";
import { SlideMapCard } from "./slideMap.js";
import { type Monitor, useMonitor } from "./useMonitor.js";
import { staleReason, type View } from "./view.js";

const nextTheme = { system: "light", light: "dark", dark: "system" } as const;

const useSettings = (): [Settings, (change: Partial<Settings>) => void] => {
  const [settings, setSettings] = useState(loadSettings);
  useEffect(() => {
    saveSettings(settings);
    if (settings.theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = settings.theme;
  }, [settings]);
  return [settings, (change) => setSettings((before) => ({ ...before, ...change }))];
};

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement;

/** Calls the action of a key, unless something is being typed or the key is meant for the browser. */
const useKeys = (actions: Readonly<Record<string, () => void>>, enabled: boolean): void => {
  // With the layout, so that no key meets the actions of an earlier state.
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
      if (document.querySelector("dialog[open]") !== null || isTyping(event.target)) return;
      if (!enabled && event.key !== "?") return;
      const action = actions[event.key.toLowerCase()];
      if (action === undefined) return;
      event.preventDefault();
      action();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  });
};

/** States as sentences, for those who hear the page: told when they change. */
const announcement = (view: View, stale: string | undefined): string => {
  const parts = [connectionText(view.connection)];
  if (view.status !== undefined) parts.push(cameraText(view.status.camera));
  if (stale !== undefined) parts.push(stale);
  return `${parts.join(". ")}.`;
};

const pictureWidth = (): number => (window.innerWidth * window.devicePixelRatio >= 1400 ? 1280 : 960);

/** The pages that the daemon has something for. */
const offeredPages = ({ topics }: View): Page[] => [
  "live",
  ...(["scans", "labels", "jobs", "models"] as const).filter((page) => topics.includes(page)),
];

interface LiveProps {
  readonly monitor: Monitor;
  readonly settings: Settings;
  readonly frozen: boolean;
  readonly author: string;
  readonly onToggle: (layer: Layer) => void;
  readonly onFreeze: () => void;
}

const LivePage = ({ monitor: { view, picture }, settings, frozen, author, onToggle, onFreeze }: LiveProps) => {
  const { status, counts, taxonomy, fields } = view;
  const shared = { counts, taxonomy, stale: staleReason(view) !== undefined };
  return (
    <main>
      <PictureCard
        {...{ picture, taxonomy, settings, frozen, onToggle, onFreeze }}
        keepFor={view.keep ? author : undefined}
      />
      <div class="figures">
        <CountsCard {...shared} />
        <DifferentialCard {...shared} />
      </div>
      <SlideMapCard fields={fields} theme={settings.theme} />
      <InstrumentCard status={status} />
    </main>
  );
};

/** The application: one header, one page below it. */
export const App = () => {
  const [settings, change] = useSettings();
  const [author, setAuthor] = useAuthor();
  const [frozen, setFrozen] = useState(false);
  const [help, setHelp] = useState(false);
  const [maxWidth] = useState(pictureWidth);
  const { page, item } = useRoute();
  const live = page === "live";
  const monitor = useMonitor({ maxWidth, density: settings.density, shown: live }, frozen);
  const { view, retryNow } = monitor;
  const toggle = (layer: Layer): void => change({ [layer]: !settings[layer] });
  const cycleTheme = (): void => change({ theme: nextTheme[settings.theme] });
  const liveKeys = {
    ...Object.fromEntries(layers.map((layer) => [layerTexts[layer].key, () => toggle(layer)])),
    p: () => setFrozen(!frozen),
    k: () => document.querySelector<HTMLButtonElement>("[data-keep]")?.click(),
    r: retryNow,
  };
  useKeys({ ...(live ? liveKeys : {}), t: cycleTheme, "?": () => setHelp(true) }, settings.shortcuts);
  const stale = page === "scans" ? scansStaleReason(view) : staleReason(view);
  const desk = { view, author, onAuthor: setAuthor };
  return (
    <>
      <Header
        {...{ page, connection: view.connection, status: view.status, theme: settings.theme }}
        offered={offeredPages(view)}
        simulated={view.counts?.simulated ?? view.status?.simulated ?? false}
        onTheme={cycleTheme}
        onHelp={() => setHelp(true)}
        onRetry={retryNow}
      />
      <AlertsBanner alerts={view.alerts} />
      {stale !== undefined && (
        <p class="banner">
          <strong>Stale.</strong> {stale}
        </p>
      )}
      {live && (
        <LivePage {...{ monitor, settings, frozen, author }} onToggle={toggle} onFreeze={() => setFrozen(!frozen)} />
      )}
      {page === "scans" && <ScansPage {...desk} scan={item} settings={settings} ask={monitor.ask} />}
      {page === "labels" && <LabelsPage {...desk} field={item} shortcuts={settings.shortcuts} />}
      {page === "jobs" && <JobsPage {...desk} job={item} />}
      {page === "models" && <ModelsPage {...desk} />}
      <Footer version={view.version} />
      <div class="visually-hidden" role="status" aria-live="polite">
        {announcement(view, stale)}
      </div>
      <HelpDialog
        {...{ page, open: help, shortcuts: settings.shortcuts }}
        onShortcuts={(shortcuts) => change({ shortcuts })}
        onClose={() => setHelp(false)}
      />
    </>
  );
};

const Footer = ({ version }: { version: string | undefined }) => (
  <footer>
    <p>For research and teaching. Not for diagnosis.</p>
    <p class="muted">{version === undefined ? "" : `cytostream ${version}`}</p>
  </footer>
);
