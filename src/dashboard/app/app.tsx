import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import { CountsCard, DifferentialCard } from "./counts.js";
import { cameraText, connectionText, Header } from "./header.js";
import { HelpDialog } from "./help.js";
import { InstrumentCard } from "./instrument.js";
import { PictureCard } from "./picture.js";
import { type Layer, layers, layerTexts, loadSettings, type Settings, saveSettings } from "./settings.js";
import { SlideMapCard } from "./slideMap.js";
import { useMonitor } from "./useMonitor.js";
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

/** Calls the action of a key, unless something is being typed or the key is meant for the browser. */
const useKeys = (actions: Readonly<Record<string, () => void>>, enabled: boolean): void => {
  // With the layout, so that no key meets the actions of an earlier state.
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
      if (document.querySelector("dialog[open]") !== null || event.target instanceof HTMLInputElement) return;
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
const announcement = (view: View): string => {
  const parts = [connectionText(view.connection)];
  if (view.status !== undefined) parts.push(cameraText(view.status.camera));
  const stale = staleReason(view);
  if (stale !== undefined) parts.push(stale);
  return `${parts.join(". ")}.`;
};

const pictureWidth = (): number => (window.innerWidth * window.devicePixelRatio >= 1400 ? 1280 : 960);

/** The whole page. */
export const App = () => {
  const [settings, change] = useSettings();
  const [frozen, setFrozen] = useState(false);
  const [help, setHelp] = useState(false);
  const [maxWidth] = useState(pictureWidth);
  const { view, picture, retryNow } = useMonitor({ maxWidth, density: settings.density }, frozen);
  const toggle = (layer: Layer): void => change({ [layer]: !settings[layer] });
  const cycleTheme = (): void => change({ theme: nextTheme[settings.theme] });
  useKeys(
    {
      ...Object.fromEntries(layers.map((layer) => [layerTexts[layer].key, () => toggle(layer)])),
      p: () => setFrozen(!frozen),
      t: cycleTheme,
      r: retryNow,
      "?": () => setHelp(true),
    },
    settings.shortcuts,
  );
  const { connection, status, counts, taxonomy, fields, version } = view;
  const stale = staleReason(view);
  const simulated = counts?.simulated ?? status?.simulated ?? false;
  const shared = { counts, taxonomy, stale: stale !== undefined };
  return (
    <>
      <Header
        connection={connection}
        status={status}
        simulated={simulated}
        theme={settings.theme}
        onTheme={cycleTheme}
        onHelp={() => setHelp(true)}
        onRetry={retryNow}
      />
      {stale !== undefined && (
        <p class="banner">
          <strong>Stale.</strong> {stale}
        </p>
      )}
      <main>
        <PictureCard
          picture={picture}
          taxonomy={taxonomy}
          settings={settings}
          frozen={frozen}
          onToggle={toggle}
          onFreeze={() => setFrozen(!frozen)}
        />
        <div class="figures">
          <CountsCard {...shared} />
          <DifferentialCard {...shared} />
        </div>
        <SlideMapCard fields={fields} theme={settings.theme} />
        <InstrumentCard status={status} />
      </main>
      <footer>
        <p>For research and teaching. Not for diagnosis.</p>
        <p class="muted">{version === undefined ? "" : `cytostream ${version}`}</p>
      </footer>
      <div class="visually-hidden" role="status" aria-live="polite">
        {announcement(view)}
      </div>
      <HelpDialog
        open={help}
        shortcuts={settings.shortcuts}
        onShortcuts={(shortcuts) => change({ shortcuts })}
        onClose={() => setHelp(false)}
      />
    </>
  );
};
